import { checkArgument, option } from "../../core/index.js";
import type { ContainerStatus, PodStatus } from "../api/index.js";
import { keyed } from "../argument-checks.js";

/**
 * Returns the word that describes a Pod best, as in the column STATUS of `kubectl get pods`: `Running`, `CrashLoopBackOff`,
 * `Init:0/2`, `Completed`, `Evicted` and so on. A Pod that is being deleted is `Terminating` in that column, although its status does not have that word.
 *
 * @throws {CriError} `invalid_option` for what is not a status
 */
export function podStatusWord(status: PodStatus): string {
  checkArgument("podStatusWord", "status", status, keyed);
  const init = status.initContainerStatuses ?? [];
  const containers = status.containerStatuses ?? [];
  const blocking = init.find((one) => !isInitialized(one));
  const isInitializedPod = status.conditions?.some(
    (condition) => condition.type === "Initialized" && condition.status === "True",
  );
  if (blocking && !isInitializedPod) {
    const word = containerWord(blocking);
    const initialized = init.filter(isInitialized).length;
    return word === undefined || word === "PodInitializing"
      ? `Init:${initialized}/${init.length}`
      : `Init:${word}`;
  }
  const words = containers.map(containerWord).filter((word) => word !== undefined);
  const isRunning = containers.some(({ state, ready }) => state?.running && ready);
  const [word] = words;
  if (word === "Completed" && isRunning) return "Running";
  // A Pod that never started, such as one that was not admitted, has no containers that say more.
  return word ?? (status.reason || status.phase || "Unknown");
}

function isInitialized({ state, started }: ContainerStatus): boolean {
  return state?.terminated?.exitCode === 0 || started === true;
}

/** The reason of a container that does not run; undefined for one that does. */
function containerWord({ state }: ContainerStatus): string | undefined {
  const { waiting, terminated } = state ?? {};
  if (waiting?.reason) return waiting.reason;
  if (!terminated) return undefined;
  if (terminated.reason) return terminated.reason;
  return terminated.signal ? `Signal:${terminated.signal}` : `ExitCode:${terminated.exitCode}`;
}

/**
 * Returns a duration as kubectl prints ages: `12s`, `5m3s`, `2h10m`, `3d4h`.
 *
 * @param ms in milliseconds; negative ones count as 0
 * @throws {CriError} `invalid_option` for what is not a number
 */
export function formatAge(ms: number): string {
  checkArgument("formatAge", "ms", ms, option.anyNumber);
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const [minutes, hours, days] = [
    Math.floor(seconds / 60),
    Math.floor(seconds / 3_600),
    Math.floor(seconds / 86_400),
  ];
  if (seconds < 120) return `${seconds}s`;
  if (minutes < 10) return `${minutes}m${seconds % 60}s`;
  if (hours < 3) return `${minutes}m`;
  if (days < 2) return `${hours}h${minutes % 60}m`;
  return `${days}d${hours % 24}h`;
}
