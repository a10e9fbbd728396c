// The metrics of a pod as a whole.
import { MetricType } from "cri-sdk/v1";
import { labelled, type Metric } from "./metric.js";
import type { NetworkInterface, Traffic } from "./network.js";

/** They are those of the pod, despite their names. */
export const networkMetrics: readonly Metric<readonly NetworkInterface[]>[] = [
  ...metricsOf("receive", "received", ({ received }) => received),
  ...metricsOf("transmit", "sent", ({ sent }) => sent),
];

function metricsOf(
  direction: string,
  participle: string,
  read: (one: NetworkInterface) => Traffic,
): Metric<readonly NetworkInterface[]>[] {
  const metric = (what: string, help: string, field: keyof Traffic) =>
    labelled(
      MetricType.COUNTER,
      `container_network_${direction}_${what}_total`,
      ["interface"],
      help,
      (interfaces: readonly NetworkInterface[]) => interfaces.map((one) => [read(one)[field], one.name]),
    );
  return [
    metric("bytes", `Bytes ${participle}.`, "bytes"),
    metric("packets", `Packets ${participle}.`, "packets"),
    metric("packets_dropped", `Packets dropped while others were ${participle}.`, "dropped"),
    metric("errors", `Errors while packets were ${participle}.`, "errors"),
  ];
}
