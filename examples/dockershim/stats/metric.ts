// How a metric is defined: its description, and where its value comes from.
import { MetricType } from "cri-sdk/v1";

/** A value, with the values of the labels that only this metric has. */
export type Sample = readonly [value: bigint, ...labelValues: string[]];

export interface Metric<Source> {
  readonly name: string;
  readonly help: string;
  readonly metricType: MetricType;
  /** In addition to those of all metrics. */
  readonly labels: readonly string[];
  read(source: Source): readonly Sample[];
}

const { COUNTER, GAUGE } = MetricType;

/** A metric that only grows. */
export const counter = metricOf(COUNTER);
/** A metric that may also decrease. */
export const gauge = metricOf(GAUGE);

/** Returns a function that defines metrics with a single value each; those without a value have no sample. */
function metricOf(metricType: MetricType) {
  return <Source>(
    name: string,
    help: string,
    read: (source: Source) => bigint | undefined,
  ): Metric<Source> => ({ name, help, metricType, labels: [], read: (source) => samples(read(source)) });
}

/** A metric with labels of its own, and any number of samples. */
export function labelled<Source>(
  metricType: MetricType,
  name: string,
  labels: readonly string[],
  help: string,
  read: (source: Source) => readonly Sample[],
): Metric<Source> {
  return { name, help, metricType, labels, read };
}

function samples(value: bigint | undefined): Sample[] {
  return value === undefined ? [] : [[value]];
}

/** CRI's labels of every metric here. */
const commonLabels = ["id", "image", "namespace", "pod", "container"] as const;
export type CommonLabels = Readonly<Record<(typeof commonLabels)[number], string>>;

/** Returns CRI's MetricDescriptor. */
export function descriptorOf({ name, help, labels }: Metric<never>) {
  return { name, help, labelKeys: [...commonLabels, ...labels] };
}

/** Returns CRI's Metrics of an object: each of its values. */
export function samplesOf<Source>(
  metrics: readonly Metric<Source>[],
  source: Source,
  labels: CommonLabels,
  timestamp: bigint,
) {
  const common = commonLabels.map((key) => labels[key]);
  return metrics.flatMap((metric) => {
    const { name, metricType } = metric;
    return metric.read(source).map(([value, ...own]) => ({
      ...{ name, timestamp, metricType },
      labelValues: [...common, ...own],
      value: { value },
    }));
  });
}
