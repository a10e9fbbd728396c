import { type MetricDescriptor, MetricType, type PodSandboxMetrics } from "../../../gen/runtime/v1/api_pb.js";
import { addScrapeErrors } from "./failures.js";
import type { Families } from "./families.js";

/** The runtime's own metrics, with its names, labels and help texts. What it did not describe, or not well, is left out. */
export function addMetrics(
  families: Families,
  descriptors: readonly MetricDescriptor[],
  pods: readonly PodSandboxMetrics[],
): void {
  const byName = new Map(descriptors.map((descriptor) => [descriptor.name, descriptor]));
  let wrong = 0;
  for (const { metrics, containerMetrics } of pods)
    for (const metric of [...metrics, ...containerMetrics.flatMap(({ metrics }) => metrics)]) {
      const { name, labelValues, metricType, timestamp, value } = metric;
      const descriptor = byName.get(name);
      if (!value || descriptor?.labelKeys.length !== labelValues.length) {
        wrong++;
        continue;
      }
      const type = metricType === MetricType.COUNTER ? "counter" : "gauge";
      const labels = Object.fromEntries(descriptor.labelKeys.map((key, i) => [key, labelValues[i] ?? ""]));
      const info = { name, help: descriptor.help, type } as const;
      if (!families.add(info, labels, `${value.value}`, timestamp)) wrong++;
    }
  addScrapeErrors(families, wrong);
}
