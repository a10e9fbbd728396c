import { Families, formatFamilies, type MetricInfo } from "../../../stats/index.js";
import type { KubeletServerParts } from "../parts.js";
import type { ProbeCounts } from "./probe-counts.js";
import { type KubeletMetric, processMetrics } from "./process-metrics.js";
import type { RequestCounts } from "./request-counts.js";

const requestInfos = {
  total: {
    name: "kubelet_http_requests_total",
    help: "Requests to the kubelet's API that were answered. A session counts with its upgrade.",
    type: "counter",
  },
  seconds: {
    name: "kubelet_http_requests_seconds_total",
    help: "Time of all requests to the kubelet's API together, in seconds.",
    type: "counter",
  },
  inFlight: {
    name: "kubelet_http_inflight_requests",
    help: "Requests to the kubelet's API that are being answered.",
    type: "gauge",
  },
  sessions: {
    name: "kubelet_http_sessions",
    help: "Exec, attach and port-forward sessions that are open.",
    type: "gauge",
  },
} as const satisfies Readonly<Record<string, MetricInfo>>;

const probeTotal: MetricInfo = {
  name: "prober_probe_total",
  help: "Probes of containers by their result.",
  type: "counter",
};

/** Returns the page `/metrics`: this process, the kubelet and its API. */
export async function kubeletPage(
  { view }: Pick<KubeletServerParts, "view">,
  requests: RequestCounts,
  sessions: number,
): Promise<string> {
  const families = new Families();
  const all = [...kubeletMetrics(view), ...(await processMetrics())];
  for (const { name, help, type, labels = {}, value } of all)
    families.add({ name, help, type }, labels, String(value));
  for (const { path, method, code, count, seconds } of requests.all()) {
    const labels = { path, method, server_type: "readwrite", code: String(code) };
    families.add(requestInfos.total, labels, String(count));
    families.add(requestInfos.seconds, labels, String(seconds));
  }
  families.add(requestInfos.inFlight, {}, String(requests.inFlight));
  families.add(requestInfos.sessions, {}, String(sessions));
  return formatFamilies(families.sorted(), "text", false);
}

/** Returns the page `/metrics/probes`. */
export function probesPage(probes: ProbeCounts | undefined): string {
  const families = new Families();
  for (const { type, result, count, container, pod, namespace, podUid } of probes?.all() ?? []) {
    const labels = { probe_type: type, result, container, pod, namespace, pod_uid: podUid };
    families.add(probeTotal, labels, String(count));
  }
  return formatFamilies(families.sorted(), "text", false);
}

function kubeletMetrics({ nodeName, pods }: KubeletServerParts["view"]): readonly KubeletMetric[] {
  const all = pods();
  const containers = all.flatMap(({ observed }) => observed.containers);
  const isRunning = ({ observed }: (typeof all)[number]) => observed.sandboxes.some(({ isReady }) => isReady);
  const states = ["created", "running", "exited", "unknown"] as const;
  return [
    {
      name: "kubelet_node_name",
      help: "The name of the node; always 1.",
      type: "gauge",
      labels: { node: nodeName },
      value: 1,
    },
    {
      name: "kubelet_running_pods",
      help: "Pods with a sandbox that is ready.",
      type: "gauge",
      value: all.filter(isRunning).length,
    },
    {
      name: "kubelet_desired_pods",
      help: "Pods that the sources want to run.",
      type: "gauge",
      value: all.filter(({ state }) => state === "pending" || state === "active").length,
    },
    ...states.map((state) => ({
      name: "kubelet_running_containers",
      help: "Containers by their state.",
      type: "gauge" as const,
      labels: { container_state: state },
      value: containers.filter((container) => container.state === state).length,
    })),
  ];
}
