import { readdir } from "node:fs/promises";

/** A series of the kubelet's `/metrics`. */
export interface KubeletMetric {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge";
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly value: number;
}

/** Returns the metrics of this process, under the names that Prometheus clients use. */
export async function processMetrics(): Promise<readonly KubeletMetric[]> {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, external } = process.memoryUsage();
  const files = await readdir("/proc/self/fd").catch(() => undefined);
  const gauge = (name: string, help: string, value: number): KubeletMetric => ({
    name,
    help,
    type: "gauge",
    value,
  });
  return [
    {
      name: "process_cpu_seconds_total",
      help: "CPU time of this process, in seconds.",
      type: "counter",
      value: (user + system) / 1e6,
    },
    gauge("process_resident_memory_bytes", "Memory of this process that is in RAM.", rss),
    gauge(
      "process_start_time_seconds",
      "Start time of this process, in seconds since 1970.",
      Math.round(performance.timeOrigin) / 1_000,
    ),
    ...(files ? [gauge("process_open_fds", "Open files of this process.", files.length)] : []),
    gauge("nodejs_heap_size_used_bytes", "Memory of JavaScript objects.", heapUsed),
    gauge("nodejs_external_memory_bytes", "Memory outside the heap that JavaScript objects hold.", external),
  ];
}
