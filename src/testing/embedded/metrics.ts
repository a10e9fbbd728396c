import { create } from "@bufbuild/protobuf";
import {
  type ContainerStats,
  type MetricDescriptor,
  MetricDescriptorSchema,
  MetricType,
  type PodSandboxMetrics,
  PodSandboxMetricsSchema,
  type PodSandboxStats,
} from "../../../gen/runtime/v1/api_pb.js";

interface Source {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  read(stats: ContainerStats): bigint | undefined;
}

/** The kubelet's names for what is known of a container. Values are whole numbers on the wire: nanoseconds stay so. */
const sources: readonly Source[] = [
  {
    name: "container_cpu_usage_nanoseconds_total",
    help: "CPU time that the container has used",
    type: MetricType.COUNTER,
    read: ({ cpu }) => cpu?.usageCoreNanoSeconds?.value,
  },
  {
    name: "container_memory_working_set_bytes",
    help: "Memory that the container needs",
    type: MetricType.GAUGE,
    read: ({ memory }) => memory?.workingSetBytes?.value,
  },
  {
    name: "container_memory_rss",
    help: "Memory of the container that is resident, in bytes",
    type: MetricType.GAUGE,
    read: ({ memory }) => memory?.rssBytes?.value,
  },
];

const labelKeys = ["id", "name"];

/** CRI ListMetricDescriptors. */
export const metricDescriptors: readonly MetricDescriptor[] = sources.map(({ name, help }) =>
  create(MetricDescriptorSchema, { name, help, labelKeys }),
);

/** A pod's stats as CRI's metrics. */
export function metricsOf({ attributes, linux }: PodSandboxStats): PodSandboxMetrics {
  return create(PodSandboxMetricsSchema, {
    podSandboxId: attributes?.id ?? "",
    containerMetrics: (linux?.containers ?? []).map((stats) => ({
      containerId: stats.attributes?.id ?? "",
      metrics: sources.map(({ name, type, read }) => ({
        name,
        timestamp: stats.cpu?.timestamp ?? 0n,
        metricType: type,
        labelValues: [stats.attributes?.id ?? "", stats.attributes?.metadata?.name ?? ""],
        value: { value: read(stats) ?? 0n },
      })),
    })),
  });
}
