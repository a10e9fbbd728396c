import { medianRatio } from "./statistics.js";
import type { Workload } from "./workloads.js";

/** One workload for one peer. */
export interface RoundOrder {
  readonly workload: Workload;
  readonly durationMs: number;
}

export interface RoundResult {
  readonly calls: number;
  readonly wallMs: number;
  /** The CPU time of the measured process, in microseconds. */
  readonly cpuUs: number;
}

/** The result of one peer in one round. */
export interface Sample {
  readonly callsPerSecond: number;
  readonly cpuUsPerCall: number;
}

/** The samples of one workload by peer. Samples with the same index belong to the same round. */
export interface Measured {
  readonly workload: Workload;
  readonly samples: ReadonlyMap<string, readonly Sample[]>;
}

/** A peer and how it runs a round. */
export type Runner = readonly [name: string, run: (order: RoundOrder) => Promise<RoundResult>];

export interface Effort {
  readonly rounds: number;
  readonly durationMs: number;
}

/** How many times as long the round takes that warms up the compilers of the processes, and does not count. */
const warmUp = 3;
/** The CPU time that a round needs at least, relative to its duration: on a busy machine, a round is repeated until it is reached. */
const cpuShare = 0.4;
const mostRepeats = 8;

/** Runs all workloads with all peers alternately, so that other load on the machine affects all of them alike. */
export async function takeTurns(
  runners: readonly Runner[],
  workloads: readonly Workload[],
  { rounds, durationMs }: Effort,
): Promise<Measured[]> {
  const measured = workloads.map((workload) => ({
    workload,
    samples: new Map<string, Sample[]>(runners.map(([name]) => [name, []])),
  }));
  for (let round = -1; round < rounds; round++)
    for (const { workload, samples } of measured)
      for (const runner of inTurn(runners, round + 1)) {
        const order = { workload, durationMs: round < 0 ? warmUp * durationMs : durationMs };
        const sample = await sampleOf(runner, order);
        if (round >= 0) samples.get(runner[0])?.push(sample);
      }
  return measured;
}

async function sampleOf([, run]: Runner, order: RoundOrder): Promise<Sample> {
  let [calls, wallMs, cpuUs] = [0, 0, 0];
  for (let repeat = 0; repeat < mostRepeats && cpuUs < order.durationMs * 1_000 * cpuShare; repeat++) {
    const result = await run(order);
    calls += result.calls;
    wallMs += result.wallMs;
    cpuUs += result.cpuUs;
  }
  return { callsPerSecond: (calls / wallMs) * 1_000, cpuUsPerCall: cpuUs / calls };
}

/** Returns how much larger a figure of one peer is than another's; undefined if one of them was not measured. */
export function ratioOf(
  { samples }: Measured,
  figure: keyof Sample,
  name: string,
  base: string,
): number | undefined {
  const [ours, theirs] = [samples.get(name), samples.get(base)];
  if (!ours || !theirs) return undefined;
  return medianRatio(
    ours.map((sample) => sample[figure]),
    theirs.map((sample) => sample[figure]),
  );
}

/** Rotates the list by one per turn. */
export function inTurn<T>(list: readonly T[], turn: number): T[] {
  const first = turn % list.length;
  return [...list.slice(first), ...list.slice(0, first)];
}
