import { isCriError, onAbort, raceAbort } from "../../core/index.js";
import type { LifecycleHandler, Pod } from "../api/index.js";
import { type Clock, steadyMs } from "./clock.js";
import { remainingGraceSeconds, stopTimeoutSeconds } from "./grace.js";
import { findContainer } from "./pod-containers.js";
import type { EventRecorder, Hooks, PodRuntime } from "./ports.js";

/** What stopping a container needs. */
export interface KillParts {
  readonly runtime: Pick<PodRuntime, "stopContainer">;
  readonly hooks: Hooks;
  readonly clock: Clock;
  readonly record: EventRecorder;
  /** The ids of containers whose preStop hook was started: it runs once, also if the grace period is shortened meanwhile. */
  readonly preStopStarted: Set<string>;
}

/** A container to stop. */
export interface ContainerToKill {
  readonly pod: Pod;
  readonly podIPs: readonly string[];
  readonly id: string;
  readonly name: string;
  /** The message of the event `Killing`. @default "Stopping container NAME" */
  readonly message?: string | undefined;
  /** The seconds until SIGKILL, those of the preStop hook included. */
  readonly graceSeconds: number;
  readonly preStop: LifecycleHandler | undefined;
  /** Waits for containers that stop before this one. */
  readonly turn?: (() => Promise<void>) | undefined;
}

/**
 * Stops a container as the kubelet does: the preStop hook first, then the wait for its turn, both within the grace period, then
 * StopContainer with the rest, but at least two seconds. A container that does not exist any more counts as stopped. Rejects when
 * StopContainer fails, and with the signal's reason.
 */
export async function killContainer(
  target: ContainerToKill,
  parts: KillParts,
  signal?: AbortSignal,
): Promise<void> {
  const { pod, name, id, podIPs, preStop, turn, message = `Stopping container ${name}` } = target;
  const { clock, hooks, record, runtime } = parts;
  record({ type: "Normal", reason: "Killing", message, container: name });
  const startMs = steadyMs(clock);
  const remaining = () => remainingGraceSeconds(target.graceSeconds, steadyMs(clock) - startMs);
  if (preStop && target.graceSeconds > 0 && !parts.preStopStarted.has(id)) {
    parts.preStopStarted.add(id);
    const container = findContainer(pod, name)?.container ?? { name };
    const failure = await withinGrace(clock, target.graceSeconds, signal, (limit) =>
      hooks.run(preStop, { pod, container, containerId: id, podIPs }, { signal: limit, record }),
    );
    // The error may have output of the command, which may be secret.
    if (failure !== undefined)
      record({
        type: "Warning",
        reason: "FailedPreStopHook",
        message: "PreStopHook failed",
        container: name,
      });
  }
  if (turn) await withinGrace(clock, remaining(), signal, turn);
  const timeout = stopTimeoutSeconds(remaining());
  try {
    await runtime.stopContainer({ containerId: id, timeout }, signal ? { signal } : {});
  } catch (error) {
    if (!(isCriError(error) && error.reason === "object_missing")) throw error;
  }
}

/** Runs work until the grace period is over. Returns its error, if any; rejects only with the reason of the outer signal. */
async function withinGrace(
  clock: Clock,
  seconds: number,
  outer: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<unknown> {
  outer?.throwIfAborted();
  const limit = new AbortController();
  const timer = new AbortController();
  const removeCallback = onAbort(outer, () => limit.abort(outer?.reason));
  const isOver = new Error(`did not end within the grace period of ${seconds} s`);
  void clock.sleep(Math.max(0, seconds) * 1_000, timer.signal).then(
    () => limit.abort(isOver),
    () => undefined,
  );
  try {
    await raceAbort(work(limit.signal), limit.signal);
    return undefined;
  } catch (error) {
    outer?.throwIfAborted();
    return error ?? isOver;
  } finally {
    timer.abort();
    removeCallback();
  }
}
