import { type CallOptions, callOptionsTable, OptionTable, option } from "../../core/index.js";
import { sharedDeadline } from "../calls.js";
import type { StatsParts } from "../read-usage.js";
import { Families, formatFamilies, type PrometheusFormat } from "./families.js";
import { addRuntimeMetrics, addUsage } from "./sources.js";

/** The source and the format of a page of metrics. */
export interface PrometheusOptions extends CallOptions {
  /**
   * `text`: Prometheus' text format 0.0.4. `openmetrics`: OpenMetrics 1.0. {@link prometheusContentTypes} has the `Content-Type` of each.
   * @default "text"
   */
  readonly format?: PrometheusFormat | undefined;
  /**
   * `metrics`: the runtime's own metrics (ListMetricDescriptors, ListPodSandboxMetrics), with its names and labels. `stats`: the usage
   * (ListContainerStats, ListPodSandboxStats) with the kubelet's names. `auto`: `metrics` if these include CPU and memory, otherwise `stats`.
   * @default "auto"
   */
  readonly source?: "auto" | "metrics" | "stats" | undefined;
  /**
   * Whether each value has the time of its reading, as in the kubelet's pages. Otherwise Prometheus uses the time of the scrape.
   * @default true
   */
  readonly timestamps?: boolean | undefined;
  /**
   * Whether the metrics of `stats` have the labels `container_id`, `pod_id` and `pod_uid`, which distinguish objects with the same names.
   * Without them, the page has only the newest of such objects.
   * @default false
   */
  readonly ids?: boolean | undefined;
  /**
   * The deadline of the page, in milliseconds, for all of its calls together; 0 and Infinity mean none.
   * @default 20_000
   */
  readonly timeoutMs?: number | undefined;
}

/** The options of {@link PrometheusOptions}. */
export const prometheusTable = new OptionTable<PrometheusOptions>({
  ...callOptionsTable.checks,
  format: option.oneOf("text", "openmetrics"),
  source: option.oneOf("auto", "metrics", "stats"),
  timestamps: option.boolean,
  ids: option.boolean,
});

/** Returns a page of metrics. */
export async function prometheusPage(parts: StatsParts, options: PrometheusOptions): Promise<string> {
  const { format = "text", source = "auto", timestamps = true, ids = false, ...rest } = options;
  const families = new Families();
  const nextCall = sharedDeadline(rest);
  const hasMetrics =
    source !== "stats" && (await addRuntimeMetrics(families, parts, nextCall, source === "auto"));
  if (!hasMetrics) await addUsage(families, parts, nextCall(), ids);
  return formatFamilies(families.sorted(), format, timestamps);
}
