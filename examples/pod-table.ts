// A table of pods, as `kubectl get pods` prints it.
import type { ContainerStatus, PlayedPod, PodStatus } from "cri-sdk/kubernetes";

/** The columns of one pod. */
export interface PodRow {
  readonly name: string;
  readonly ready: string;
  readonly status: string;
  readonly restarts: string;
  readonly age: string;
  readonly ip: string;
}

/** Returns the row of a pod. */
export function podRow(pod: PlayedPod, isStopping: boolean, now = new Date()): PodRow {
  const status = pod.status();
  const containers = status.containerStatuses ?? [];
  const all = [...(status.initContainerStatuses ?? []), ...containers];
  const restarts = all.reduce((sum, { restartCount }) => sum + restartCount, 0);
  return {
    name: `${pod.namespace}/${pod.name}`,
    ready: `${containers.filter(({ ready }) => ready).length}/${pod.pod.spec.containers.length}`,
    status: isStopping ? "Terminating" : statusWord(status),
    restarts: String(restarts),
    age: status.startTime ? age(now.getTime() - status.startTime.getTime()) : "",
    ip: status.podIP ?? "",
  };
}

/** Returns the word that describes a pod best: the reason of a container that waits or ended, otherwise the phase. */
export function statusWord(status: PodStatus<Date>): string {
  const init = status.initContainerStatuses ?? [];
  const containers = status.containerStatuses ?? [];
  const initialized = init.filter(isInitialized).length;
  const blocking = init.find((one) => !isInitialized(one));
  if (blocking && status.phase === "Pending") {
    const word = containerWord(blocking);
    return word === undefined || word === "PodInitializing"
      ? `Init:${initialized}/${init.length}`
      : `Init:${word}`;
  }
  const words = containers.map(containerWord).filter((word) => word !== undefined);
  const isRunning = containers.some(({ state, ready }) => state?.running && ready);
  const word = words.at(-1);
  if (word === "Completed" && isRunning) return "Running";
  return word ?? status.reason ?? status.phase ?? "Unknown";
}

function isInitialized({ state, started }: ContainerStatus<Date>): boolean {
  return state?.terminated?.exitCode === 0 || started === true;
}

/** The reason of a container that does not run; undefined for one that does. */
function containerWord({ state }: ContainerStatus<Date>): string | undefined {
  const { waiting, terminated } = state ?? {};
  if (waiting?.reason) return waiting.reason;
  if (!terminated) return undefined;
  return terminated.reason || `ExitCode:${terminated.exitCode}`;
}

/** Returns a duration as kubectl prints it: 12s, 5m3s, 2h10m, 3d4h. */
export function age(ms: number): string {
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

const titles: PodRow = {
  name: "NAME",
  ready: "READY",
  status: "STATUS",
  restarts: "RESTARTS",
  age: "AGE",
  ip: "IP",
};

/** Formats rows with aligned columns, and their titles. */
export function formatTable(rows: readonly PodRow[]): string[] {
  const lines = [titles, ...rows].map((row) => Object.values(row));
  const widths = Object.keys(titles).map((_, column) =>
    Math.max(...lines.map((cells) => cells[column]?.length ?? 0)),
  );
  return lines.map((cells) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("   ")
      .trimEnd(),
  );
}
