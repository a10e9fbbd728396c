import {
  type CallOptions,
  type CriError,
  invalidOption,
  isCriError,
  maxTimerMs,
  sleep,
  stoppedError,
} from "../core/index.js";
import type { ContainerUsageFilter } from "./origins.js";
import { withRates } from "./rates.js";
import type { FailedUsage, PodUsageFilter, Usages } from "./read-usage.js";
import { together } from "./together.js";
import type { ContainerUsage, PodUsage } from "./usage.js";

/** How usage is watched. */
export interface UsageWatchOptions extends CallOptions {
  /**
   * From the beginning of one sample to that of the next, in milliseconds; at least 1. A sample that takes longer than that leaves
   * out the next ones; the others stay on the beat.
   * @default 10_000
   */
  readonly intervalMs?: number | undefined;
  /**
   * Which containers, or false for none.
   * @default all
   */
  readonly containers?: ContainerUsageFilter | false | undefined;
  /**
   * Which pods, or false for none.
   * @default all
   */
  readonly pods?: PodUsageFilter | false | undefined;
  /**
   * The deadline of one sample, in milliseconds; 0 and Infinity mean none.
   * @default 120_000
   */
  readonly timeoutMs?: number | undefined;
}

/** What was in use at one time. CPU rates are those since the last sample, where there was one. */
export interface UsageSample {
  /** When the sample was begun, by this machine's clock. */
  readonly at: Date;
  readonly containers: readonly ContainerUsage[];
  readonly pods: readonly PodUsage[];
  /** Pods and containers that run and whose figures are missing. */
  readonly failed: readonly FailedUsage[];
  /** Why there is nothing in this sample: the runtime was away, most often. The next one tries again. */
  readonly error: CriError | undefined;
}

/** Reads a sample; what is false is left out. */
export interface Reads {
  containers(filter: ContainerUsageFilter, call: CallOptions): Promise<Usages<ContainerUsage>>;
  pods(filter: PodUsageFilter, call: CallOptions): Promise<Usages<PodUsage>>;
}

/** Throws `invalid_option`. */
export function checkInterval(intervalMs: number, path = "intervalMs"): void {
  if (!(intervalMs >= 1 && intervalMs <= maxTimerMs))
    throw invalidOption(path, intervalMs, `must be 1 to ${maxTimerMs} milliseconds`);
}

/** How many beats of `intervalMs` have begun by the next one: always one that is still to come. */
export function nextBeat(beat: number, elapsedMs: number, intervalMs: number): number {
  return Math.max(beat + 1, Math.ceil(elapsedMs / intervalMs));
}

/** Samples until the signal fires. The next one is read only when it is asked for, and never beside another. */
export async function* samples(
  reads: Reads,
  { intervalMs = 10_000, ...options }: UsageWatchOptions,
  signal: AbortSignal,
): AsyncGenerator<UsageSample> {
  const startMs = performance.now();
  let last: UsageSample | undefined;
  for (let beat = 0; ; ) {
    const sample = await read(reads, options, signal, last);
    if (!sample.error) last = sample;
    yield sample;
    beat = nextBeat(beat, performance.now() - startMs, intervalMs);
    await sleep(startMs + beat * intervalMs - performance.now(), signal).catch(() => {
      throw stoppedError(signal);
    });
  }
}

async function read(
  reads: Reads,
  { containers = {}, pods = {}, ...options }: UsageWatchOptions,
  signal: AbortSignal,
  last: UsageSample | undefined,
): Promise<UsageSample> {
  const at = new Date();
  try {
    const none = { items: [], failed: [] };
    const [ofContainers, ofPods] = await together<[Usages<ContainerUsage>, Usages<PodUsage>]>(signal, [
      async (inner) => (containers ? reads.containers(containers, { ...options, signal: inner }) : none),
      async (inner) => (pods ? reads.pods(pods, { ...options, signal: inner }) : none),
    ]);
    return Object.freeze({
      at,
      containers: withRates(last?.containers ?? [], ofContainers.items),
      pods: withRates(last?.pods ?? [], ofPods.items),
      failed: [...ofPods.failed, ...ofContainers.failed],
      error: undefined,
    });
  } catch (error) {
    if (signal.aborted) throw stoppedError(signal);
    if (!isPassing(error)) throw error;
    return Object.freeze({ at, containers: [], pods: [], failed: [], error });
  }
}

/** Whether the next sample may succeed. */
function isPassing(error: unknown): error is CriError {
  if (!isCriError(error)) return false;
  const { code, reason } = error;
  return code !== "invalid_argument" && code !== "unimplemented" && reason !== "client_closed";
}
