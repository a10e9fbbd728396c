import {
  type CallOptions,
  callOptionsTable,
  cancelOnReturn,
  type IdOrHandle,
  idOf,
  OptionTable,
} from "../core/index.js";
import { pause, sharedDeadline } from "./calls.js";
import { containerUsage, podUsage } from "./from-messages.js";
import { type PrometheusOptions, prometheusPage, prometheusTable } from "./prometheus/page.js";
import { withRates } from "./rates.js";
import {
  type ContainerUsageFilter,
  containerStatsOf,
  containerUsageFilterTable,
  type PodUsageFilter,
  podStatsOf,
  podUsageFilterTable,
  readContainers,
  readOrigins,
  readPods,
  type StatsParts,
  type UsageList,
} from "./read-usage.js";
import type { ContainerUsage, PodUsage } from "./usage.js";
import {
  intervalCheck,
  samples,
  type UsageSample,
  type UsageWatchOptions,
  usageWatchTable,
} from "./watch.js";

/** Options for reading usage. */
export interface UsageOptions extends CallOptions {
  /**
   * Reads twice, this many milliseconds apart, and computes `cpu.cores` from both readings. With one reading, or if a reading lacks its
   * time or its counter, `cores` is the runtime's own rate, if it reports one.
   * @default one reading
   */
  readonly rateOverMs?: number | undefined;
  /**
   * The deadline of one reading, in milliseconds; 0 and Infinity mean none. The list gets half of it; if the list fails, the pods or
   * containers share the remaining time, 32 at a time.
   * @default 20_000
   */
  readonly timeoutMs?: number | undefined;
}

const usageTable = new OptionTable<UsageOptions>({
  ...callOptionsTable.checks,
  rateOverMs: intervalCheck,
});

/** The resource usage of containers and pods: `cri.stats`. */
export class Stats {
  readonly #parts: StatsParts;

  /** Called by `connect()`. */
  constructor(parts: StatsParts) {
    this.#parts = parts;
  }

  /**
   * Returns the usage of containers, newest first. If one container makes the runtime's list fail, each is read by itself, and `failed`
   * has those that cannot be read. containerd also lists exited containers, without `cpu` and `memory`; CRI-O does not.
   *
   * Rejects with {@link CriError}: `invalid_option`, `deadline`, `aborted_by_caller`, and when the runtime is unavailable.
   */
  async containers(
    filter: ContainerUsageFilter = {},
    options: UsageOptions = {},
  ): Promise<UsageList<ContainerUsage>> {
    containerUsageFilterTable.check("stats.containers", filter);
    usageTable.check("stats.containers", options);
    return readList(this.#parts, (call) => readContainers(this.#parts, filter, call), options);
  }

  /**
   * Returns the usage of pods with their containers, sorted by namespace and name. On containerd, one pod
   * without a cgroup parent makes the whole list fail. Then each pod is read by itself, and `failed` has those that cannot be read.
   *
   * Rejects as {@link Stats.containers} does.
   */
  async pods(filter: PodUsageFilter = {}, options: UsageOptions = {}): Promise<UsageList<PodUsage>> {
    podUsageFilterTable.check("stats.pods", filter);
    usageTable.check("stats.pods", options);
    return readList(this.#parts, (call) => readPods(this.#parts, filter, call), options);
  }

  /**
   * Returns the usage of one container, given by its id, an unambiguous prefix or a handle. Rejects with {@link CriError}: `object_missing`, and
   * `wrong_state` when the container is not running.
   */
  async container(container: IdOrHandle, options: UsageOptions = {}): Promise<ContainerUsage> {
    const id = idOf("stats.container", "id", container);
    usageTable.check("stats.container", options);
    return readOne(
      this.#parts,
      async (reading) => {
        const nextCall = sharedDeadline(reading);
        const stats = await containerStatsOf(this.#parts, id, nextCall());
        const fullId = stats.attributes?.id ?? id;
        const { containers } = await readOrigins(this.#parts.lists, { id: fullId }, nextCall());
        return containerUsage(stats, containers.get(fullId));
      },
      options,
    );
  }

  /**
   * Returns the usage of one pod, given by its id, an unambiguous prefix or a handle. Rejects with {@link CriError}: `object_missing`,
   * `wrong_state` for a stopped pod, and `cgroup_parent_missing`.
   */
  async pod(pod: IdOrHandle, options: UsageOptions = {}): Promise<PodUsage> {
    const id = idOf("stats.pod", "id", pod);
    usageTable.check("stats.pod", options);
    return readOne(this.#parts, async (call) => podUsage(await podStatsOf(this.#parts, id, call)), options);
  }

  /**
   * Reads the usage every `intervalMs`, starting at once, with CPU rates between the samples. While the runtime is unavailable, samples
   * are empty and have an `error`; the next one retries, so a restart does not end the loop. Leaving the loop cancels the calls in
   * flight. Each iteration starts anew.
   *
   * Throws `invalid_option`. The iteration rejects with {@link CriError}: `aborted_by_caller`, `client_closed`, `unimplemented`, and
   * errors with code `invalid_argument`.
   */
  watch(options: UsageWatchOptions = {}): AsyncIterable<UsageSample> {
    usageWatchTable.check("stats.watch", options);
    const readers = {
      containers: (filter: ContainerUsageFilter, call: CallOptions) =>
        readContainers(this.#parts, filter, call),
      pods: (filter: PodUsageFilter, call: CallOptions) => readPods(this.#parts, filter, call),
    };
    return {
      [Symbol.asyncIterator]: () =>
        cancelOnReturn((signal) => samples(readers, options, signal, this.#parts.closing), options.signal),
    };
  }

  /**
   * Returns a page of metrics for Prometheus: the runtime's own metrics if these include CPU and memory, otherwise the usage with the kubelet's names and
   * labels. `resource_scrape_error` is 1 when a value is missing, and `cri_stats_failed` has the pod or container and the reason. If the
   * runtime reports only containers or only pods, the page has only these.
   *
   * Rejects as {@link Stats.containers} does.
   */
  async toPrometheus(options: PrometheusOptions = {}): Promise<string> {
    prometheusTable.check("stats.toPrometheus", options);
    return prometheusPage(this.#parts, options);
  }
}

/** Reads a list once, or twice for the rates. */
async function readList<T extends ContainerUsage | PodUsage>(
  { closing }: StatsParts,
  read: (call: CallOptions) => Promise<UsageList<T>>,
  { rateOverMs, ...call }: UsageOptions,
): Promise<UsageList<T>> {
  const before = await firstReading(read, rateOverMs, call, closing);
  const after = await read(call);
  return Object.freeze({ ...after, items: withRates(before?.items ?? [], after.items) });
}

/** Reads one object once, or twice for the rate. */
async function readOne<T extends ContainerUsage | PodUsage>(
  { closing }: StatsParts,
  read: (call: CallOptions) => Promise<T>,
  { rateOverMs, ...call }: UsageOptions,
): Promise<T> {
  const before = await firstReading(read, rateOverMs, call, closing);
  const after = await read(call);
  return (before && withRates([before], [after])[0]) ?? after;
}

/** Makes the first of two readings, and waits for the second one; undefined when one reading is enough. */
async function firstReading<T>(
  read: (call: CallOptions) => Promise<T>,
  rateOverMs: number | undefined,
  call: CallOptions,
  closing: AbortSignal,
): Promise<T | undefined> {
  if (rateOverMs === undefined) return undefined;
  const before = await read(call);
  await pause(rateOverMs, call.signal, closing);
  return before;
}
