import type { PodCondition, PodStatus } from "../api/index.js";
import { disruptionType } from "./conditions.js";
import { isTerminalPhase } from "./pod-status.js";

/**
 * Returns a status as others may see it: a terminal phase, and the condition DisruptionTarget that comes with it, show only when nothing
 * of the pod runs any more, so that its resources are not used again while containers are being stopped.
 *
 * @param published what this function returned before
 * @param mayRun whether containers of the pod may still run
 */
export function publishedStatus(
  status: PodStatus<Date>,
  published: PodStatus<Date> | undefined,
  mayRun: boolean,
): PodStatus<Date> {
  if (!mayRun || !isTerminalPhase(status.phase) || isTerminalPhase(published?.phase)) return status;
  const { phase: _phase, reason: _reason, message: _message, conditions, ...rest } = status;
  const { phase = "Pending", reason, message } = published ?? {};
  return {
    ...rest,
    phase,
    ...(conditions && { conditions: withoutNewDisruption(conditions, published?.conditions) }),
    ...(reason !== undefined && { reason }),
    ...(message !== undefined && { message }),
  };
}

function withoutNewDisruption(
  conditions: readonly PodCondition<Date>[],
  published: readonly PodCondition<Date>[] = [],
): PodCondition<Date>[] {
  const before = published.filter(({ type }) => type === disruptionType);
  return [...before, ...conditions.filter(({ type }) => type !== disruptionType)];
}
