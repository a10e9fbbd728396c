import { type CallOptions, sleep, stoppedError, untilBreak } from "../core/index.js";
import { containerUsage, podUsage } from "./of-messages.js";
import { oneDeadline } from "./one-deadline.js";
import { type ContainerUsageFilter, readOrigins } from "./origins.js";
import { type PrometheusOptions, prometheusPage } from "./prometheus/page.js";
import { withRates } from "./rates.js";
import {
  containerStatsOf,
  type PodUsageFilter,
  podStatsOf,
  readContainers,
  readPods,
  type StatsParts,
  type Usages,
} from "./read-usage.js";
import type { ContainerUsage, PodUsage } from "./usage.js";
import { checkInterval, samples, type UsageSample, type UsageWatchOptions } from "./watch.js";

/** How figures are read. */
export interface UsageOptions extends CallOptions {
  /**
   * Reads twice, so many milliseconds apart, and computes `cpu.cores` from both. Without it there is one reading, and `cores` is what
   * the runtime says, if it says anything; so it is where the readings lack a time or a counter.
   * @default one reading
   */
  readonly rateOverMs?: number | undefined;
  /**
   * The deadline of one reading, in milliseconds; 0 and Infinity mean none. Where the runtime cannot list, half of it is for the list,
   * and the pods or containers share what is left, 32 at a time.
   * @default 120_000
   */
  readonly timeoutMs?: number | undefined;
}

/** What containers and pods use. Made by `connect()`, as `cri.stats`. */
export class Stats {
  readonly #parts: StatsParts;

  /** @internal */
  constructor(parts: StatsParts) {
    this.#parts = parts;
  }

  /**
   * What containers use, the newest first. Where one of them makes the runtime's list fail, each is asked for by itself, and those
   * that fail are in `failed`. containerd lists containers that have ended, too, without `cpu` and `memory`; CRI-O does not.
   *
   * Rejects with {@link CriError}: `invalid_option`, `deadline`, `aborted_by_caller`, and when the runtime is away.
   */
  containers(filter: ContainerUsageFilter = {}, options: UsageOptions = {}): Promise<Usages<ContainerUsage>> {
    return usages((call) => readContainers(this.#parts, filter, call), options);
  }

  /**
   * What pods use, by namespace and name, with their containers. Where one of them makes the runtime's list fail, as on containerd a
   * pod that was created without a cgroup parent does, each is asked for by itself; those that fail are in `failed`.
   *
   * Rejects as {@link Stats.containers} does.
   */
  pods(filter: PodUsageFilter = {}, options: UsageOptions = {}): Promise<Usages<PodUsage>> {
    return usages((call) => readPods(this.#parts, filter, call), options);
  }

  /**
   * What one container uses, by its id or a beginning of it. Rejects with {@link CriError}: `object_missing`, and `wrong_state` where
   * the runtime has no figures of it, since it does not run.
   */
  container(id: string, options: UsageOptions = {}): Promise<ContainerUsage> {
    return twice(async (reading) => {
      const call = oneDeadline(reading);
      const stats = await containerStatsOf(this.#parts, id, call());
      const fullId = stats.attributes?.id ?? id;
      const { containers } = await readOrigins(this.#parts.lists, { id: fullId }, call());
      return containerUsage(stats, containers.get(fullId));
    }, options);
  }

  /**
   * What one pod uses, by its id or a beginning of it. Rejects with {@link CriError}: `object_missing`, `wrong_state` for one that is
   * stopped, and `cgroup_parent_missing`.
   */
  pod(id: string, options: UsageOptions = {}): Promise<PodUsage> {
    return twice(async (call) => podUsage(await podStatsOf(this.#parts, id, call)), options);
  }

  /**
   * Samples of what is in use, one each `intervalMs`, the first one at once, with CPU rates between them. A sample during which the
   * runtime was away has an `error` and nothing else, and the next one tries again; so a restart does not end the loop. Leaving the
   * loop ends it. Each iteration begins anew.
   *
   * Throws `invalid_option`. The iteration rejects with {@link CriError}: `aborted_by_caller`, `client_closed`, `unimplemented`, and
   * what is wrong with the request.
   */
  watch(options: UsageWatchOptions = {}): AsyncIterable<UsageSample> {
    checkInterval(options.intervalMs ?? 10_000);
    const reads = {
      containers: (filter: ContainerUsageFilter, call: CallOptions) =>
        readContainers(this.#parts, filter, call),
      pods: (filter: PodUsageFilter, call: CallOptions) => readPods(this.#parts, filter, call),
    };
    return {
      [Symbol.asyncIterator]: () => untilBreak((signal) => samples(reads, options, signal), options.signal),
    };
  }

  /**
   * A page of metrics for Prometheus: the runtime's own where it has some, else figures by the names and labels that the kubelet gives
   * them. `resource_scrape_error` is 1 when something is missing, and `cri_stats_failed` tells of which pod and why. A runtime that
   * has figures of containers only, or of pods only, gives a page of these.
   *
   * Rejects as {@link Stats.containers} does.
   */
  toPrometheus(options: PrometheusOptions = {}): Promise<string> {
    return prometheusPage(this.#parts, options);
  }
}

/** One reading, or two and their rates. */
async function usages<T extends ContainerUsage | PodUsage>(
  read: (call: CallOptions) => Promise<Usages<T>>,
  { rateOverMs, ...call }: UsageOptions,
): Promise<Usages<T>> {
  const before = await first(read, rateOverMs, call);
  const after = await read(call);
  return Object.freeze({ ...after, items: withRates(before?.items ?? [], after.items) });
}

async function twice<T extends ContainerUsage | PodUsage>(
  read: (call: CallOptions) => Promise<T>,
  { rateOverMs, ...call }: UsageOptions,
): Promise<T> {
  const before = await first(read, rateOverMs, call);
  const after = await read(call);
  return (before && withRates([before], [after])[0]) ?? after;
}

/** The first one of two readings, and the pause after it. */
async function first<T>(
  read: (call: CallOptions) => Promise<T>,
  rateOverMs: number | undefined,
  call: CallOptions,
): Promise<T | undefined> {
  if (rateOverMs === undefined) return undefined;
  checkInterval(rateOverMs, "rateOverMs");
  const before = await read(call);
  await sleep(rateOverMs, call.signal).catch((reason: unknown) => {
    throw call.signal ? stoppedError(call.signal) : reason;
  });
  return before;
}
