import { CriError } from "../../core/index.js";
import type { PodKit } from "../kit.js";
import type { ContainerSnapshot } from "../snapshots.js";
import { lookAtContainer } from "./look.js";
import { type WaitOptions, waitUntil } from "./wait.js";

/** What to wait for in a container: that it runs, that it has ended, or what a function says of it. */
export type ContainerCondition = "running" | "exited" | ((snapshot: ContainerSnapshot) => boolean);

/** How a container is waited for. */
export interface ContainerWaitOptions extends WaitOptions {
  /** What to wait for. @default "exited" */
  readonly until?: ContainerCondition | undefined;
}

/** Waits for a container. Hints come under its own id. */
export function waitForContainer(
  kit: PodKit,
  containerId: string,
  { until = "exited", ...options }: ContainerWaitOptions,
): Promise<ContainerSnapshot> {
  const look = async (signal: AbortSignal) => {
    const snapshot = await lookAtContainer(kit, containerId, signal);
    if (typeof until === "function") return until(snapshot) ? snapshot : undefined;
    if (snapshot.state === until) return snapshot;
    if (snapshot.state === "exited") throw neverRunning(containerId, snapshot.exitCode, snapshot.reason);
    return undefined;
  };
  return waitUntil(kit.hints, [containerId], look, options);
}

/** CRI starts no container twice: what has ended will not run. */
function neverRunning(containerId: string, exitCode: number, reason: string): CriError {
  return new CriError({
    code: "failed_precondition",
    reason: "wrong_state",
    text: `the container ${containerId.slice(0, 13)} ended with code ${exitCode} (${reason}) and will not run again`,
    hint: "restart() makes a new one",
  });
}
