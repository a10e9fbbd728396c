import { type CallOptions, invalidOption, isCriError } from "../../core/index.js";
import { oneDeadline } from "../one-deadline.js";
import type { StatsParts } from "../read-usage.js";
import { addFigures } from "./add-figures.js";
import { Families } from "./families.js";
import { addMetrics } from "./from-metrics.js";
import { type PrometheusFormat, prometheusContentTypes, writeFamilies } from "./write.js";

/** What a page of metrics is made from, and how it is written. */
export interface PrometheusOptions extends CallOptions {
  /**
   * `text` is Prometheus' text format 0.0.4, `openmetrics` is OpenMetrics 1.0. {@link prometheusContentTypes} has their types.
   * @default "text"
   */
  readonly format?: PrometheusFormat | undefined;
  /**
   * `metrics` are the runtime's own (ListMetricDescriptors, ListPodSandboxMetrics), with its names and labels; `stats` are figures
   * (ListContainerStats, ListPodSandboxStats) by the kubelet's names; `auto` is `metrics` where the runtime has some, else `stats`.
   * @default "auto"
   */
  readonly source?: "auto" | "metrics" | "stats" | undefined;
  /**
   * Whether each value has the time at which the runtime read it, as the kubelet's have. Without it, Prometheus takes the time at which
   * it asked.
   * @default true
   */
  readonly timestamps?: boolean | undefined;
  /**
   * Whether `stats` have labels that tell objects of one name apart: `container_id`, `pod_id`, `pod_uid`. Without them, of those that
   * share all names the newest is told.
   * @default false
   */
  readonly ids?: boolean | undefined;
  /**
   * The deadline of the page, in milliseconds, however many calls it takes; 0 and Infinity mean none.
   * @default 120_000
   */
  readonly timeoutMs?: number | undefined;
}

/** Writes a page of metrics. */
export async function prometheusPage(parts: StatsParts, options: PrometheusOptions): Promise<string> {
  const { format = "text", source = "auto", timestamps = true, ids = false, ...rest } = options;
  if (!Object.hasOwn(prometheusContentTypes, format))
    throw invalidOption("format", format, 'must be "text" or "openmetrics"');
  if (!["auto", "metrics", "stats"].includes(source))
    throw invalidOption("source", source, 'must be "auto", "metrics" or "stats"');
  const families = new Families();
  const call = oneDeadline(rest);
  const has = source !== "stats" && (await addOwn(families, parts, call, source === "auto"));
  if (!has) await addFigures(families, parts, call(), ids);
  return writeFamilies(families.sorted(), format, timestamps);
}

/** Adds the runtime's own metrics. False where it has none and need not: CRI-O has only those that its config names. */
async function addOwn(
  families: Families,
  { runtime, lists }: StatsParts,
  call: () => CallOptions,
  optional: boolean,
): Promise<boolean> {
  try {
    const { descriptors } = await runtime.listMetricDescriptors({}, call());
    if (descriptors.length === 0 && optional) return false;
    addMetrics(families, descriptors, await lists.podSandboxMetrics(call()).collect());
    return true;
  } catch (error) {
    if (optional && isCriError(error) && error.reason === "unimplemented") return false;
    throw error;
  }
}
