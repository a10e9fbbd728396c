// A table of pods, as `kubectl get pods` prints it.
import { formatAge, type PlayedPod, podStatusWord } from "cri-sdk/kubernetes";

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
    status: isStopping ? "Terminating" : podStatusWord(status),
    restarts: String(restarts),
    age: status.startTime ? formatAge(now.getTime() - status.startTime.getTime()) : "",
    ip: status.podIP ?? "",
  };
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
