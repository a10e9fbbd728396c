import {
  abortError,
  type CallOptions,
  type CriError,
  callOptionsTable,
  isCriError,
  maxTimerMs,
  type OptionCheck,
  OptionTable,
} from "../core/index.js";
import { allOrAbort, pause } from "./calls.js";
import { withRates } from "./rates.js";
import {
  type ContainerUsageFilter,
  containerUsageFilterTable,
  type FailedUsage,
  type PodUsageFilter,
  podUsageFilterTable,
  type UsageList,
} from "./read-usage.js";
import type { ContainerUsage, PodUsage } from "./usage.js";

/** Options of {@link Stats.watch}. */
export interface UsageWatchOptions extends CallOptions {
  /**
   * The interval between the starts of two samples, in milliseconds; at least 1. A sample that takes longer skips the ticks that it
   * missed; later samples stay on schedule.
   * @default 10_000
   */
  readonly intervalMs?: number | undefined;
  /**
   * The containers to read; false for none.
   * @default all
   */
  readonly containers?: ContainerUsageFilter | false | undefined;
  /**
   * The pods to read; false for none.
   * @default all
   */
  readonly pods?: PodUsageFilter | false | undefined;
  /**
   * The deadline of one sample, in milliseconds; 0 and Infinity mean none.
   * @default 20_000
   */
  readonly timeoutMs?: number | undefined;
}

/** The usage at one time. CPU rates are averages since the sample before; the first sample has the runtime's own rates. */
export interface UsageSample {
  /** The start of the sample, by this machine's clock. */
  readonly at: Date;
  /** The usage of the running containers; empty if `containers` is false. */
  readonly containers: readonly ContainerUsage[];
  /** The usage of the pods that are ready; empty if `pods` is false. */
  readonly pods: readonly PodUsage[];
  /** Running pods and containers whose usage could not be read. */
  readonly failed: readonly FailedUsage[];
  /** The error of an empty sample, usually because the runtime was unavailable. The next sample retries. */
  readonly error: CriError | undefined;
}

/** The functions that read the usage for a sample. */
export interface UsageReaders {
  containers(filter: ContainerUsageFilter, call: CallOptions): Promise<UsageList<ContainerUsage>>;
  pods(filter: PodUsageFilter, call: CallOptions): Promise<UsageList<PodUsage>>;
}

/** The check of an interval. */
export const intervalCheck: OptionCheck<number> = (value) =>
  typeof value === "number" && value >= 1 && value <= maxTimerMs
    ? undefined
    : `must be from 1 to ${maxTimerMs} milliseconds`;

/** A filter, or false. */
function filterOrFalse<T extends object>(table: OptionTable<T>): OptionCheck<T | false> {
  return (value) => (value === false ? undefined : table.find(value));
}

/** The options of {@link UsageWatchOptions}. */
export const usageWatchTable = new OptionTable<UsageWatchOptions>({
  ...callOptionsTable.checks,
  intervalMs: intervalCheck,
  containers: filterOrFalse(containerUsageFilterTable),
  pods: filterOrFalse(podUsageFilterTable),
});

/** Returns the index of the next tick: always after `tick`, and not in the past. */
export function nextTick(tick: number, elapsedMs: number, intervalMs: number): number {
  return Math.max(tick + 1, Math.ceil(elapsedMs / intervalMs));
}

/** Reads samples until the signal fires, one at a time and only on demand. */
export async function* samples(
  readers: UsageReaders,
  { intervalMs = 10_000, ...options }: UsageWatchOptions,
  signal: AbortSignal,
  closing: AbortSignal,
): AsyncGenerator<UsageSample> {
  const startMs = performance.now();
  let last: UsageSample | undefined;
  for (let tick = 0; ; ) {
    const sample = await readSample(readers, options, signal, last);
    if (!sample.error) last = sample;
    yield sample;
    tick = nextTick(tick, performance.now() - startMs, intervalMs);
    await pause(startMs + tick * intervalMs - performance.now(), signal, closing);
  }
}

async function readSample(
  readers: UsageReaders,
  { containers = {}, pods = {}, ...options }: UsageWatchOptions,
  signal: AbortSignal,
  last: UsageSample | undefined,
): Promise<UsageSample> {
  const at = new Date();
  try {
    const empty = { items: [], failed: [] };
    const [containerList, podList] = await allOrAbort<[UsageList<ContainerUsage>, UsageList<PodUsage>]>(
      signal,
      [
        async (inner) => (containers ? readers.containers(containers, { ...options, signal: inner }) : empty),
        async (inner) => (pods ? readers.pods(pods, { ...options, signal: inner }) : empty),
      ],
    );
    return Object.freeze({
      at,
      containers: withRates(last?.containers ?? [], containerList.items),
      pods: withRates(last?.pods ?? [], podList.items),
      failed: [...podList.failed, ...containerList.failed],
      error: undefined,
    });
  } catch (error) {
    if (signal.aborted) throw abortError(signal);
    if (!isTransient(error)) throw error;
    return Object.freeze({ at, containers: [], pods: [], failed: [], error });
  }
}

/** Returns whether the next sample may succeed. */
function isTransient(error: unknown): error is CriError {
  if (!isCriError(error)) return false;
  const { code, reason } = error;
  return code !== "invalid_argument" && code !== "unimplemented" && reason !== "client_closed";
}
