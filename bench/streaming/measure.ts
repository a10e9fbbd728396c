import type { Cost } from "../answer-orders.js";
import { Child } from "../child.js";
import type { GoProgram } from "../go-program.js";
import { median, medianRatio } from "../statistics.js";
import { benchPod } from "./pod.js";
import { type Mover, type RunElsewhere, type Transfer, transfers } from "./transfers.js";

/** The throughput of one mover. */
export interface Throughput {
  readonly mover: string;
  readonly megabytesPerSecond: number;
  /** Relative to the bare socket. */
  readonly ratio: number;
  /** CPU seconds of the measured process per gigabyte. */
  readonly cpuSecondsPerGigabyte: number;
  /** The CPU time relative to Go's; undefined where there is none. */
  readonly cpuOfGo?: number | undefined;
}

export interface TransferResult {
  readonly title: string;
  readonly throughputs: readonly Throughput[];
}

interface Sample {
  readonly speed: number;
  readonly cpu: number;
}

/** Transfers bytes through a runtime with each mover, alternately. */
export async function measureTransfers(
  endpoint: string,
  image: string,
  { rounds, share }: { readonly rounds: number; readonly share: number },
  { path }: GoProgram,
): Promise<TransferResult[]> {
  const go = path === undefined ? undefined : await Child.startProgram(path, ["exec"]);
  try {
    await using pod = await benchPod(endpoint, image);
    const runInGo: RunElsewhere | undefined = go && ((order) => go.ask(order) as Promise<Cost>);
    const results: TransferResult[] = [];
    for (const transfer of transfers(pod, share, runInGo)) {
      try {
        await transfer.begin?.();
        results.push(await measure(transfer, rounds));
      } finally {
        await transfer.end?.();
      }
    }
    return results;
  } finally {
    go?.end();
  }
}

async function measure({ title, bytes, movers }: Transfer, rounds: number): Promise<TransferResult> {
  const names = Object.keys(movers) as Mover[];
  const samples = new Map<Mover, Sample[]>(names.map((name) => [name, []]));
  // The first round warms up the compiler, and does not count.
  for (let round = -1; round < rounds; round++)
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(turn + round + 1) % names.length];
      const move = name && movers[name];
      if (!name || !move) continue;
      const cpuBefore = process.cpuUsage();
      const began = performance.now();
      const elsewhere = await move();
      const wallMs = performance.now() - began;
      const { user, system } = process.cpuUsage(cpuBefore);
      const cpuUs = elsewhere ? elsewhere.cpuUs : user + system;
      const sample = { speed: bytes / 1e3 / wallMs, cpu: cpuUs / (bytes / 1e3) };
      if (round >= 0) samples.get(name)?.push(sample);
    }
  const speeds = (name: Mover) => (samples.get(name) ?? []).map(({ speed }) => speed);
  const cpus = (name: Mover) => (samples.get(name) ?? []).map(({ cpu }) => cpu);
  const throughputs = names.map((mover) => ({
    mover,
    megabytesPerSecond: median(speeds(mover)),
    ratio: medianRatio(speeds(mover), speeds("bare socket")),
    cpuSecondsPerGigabyte: median(cpus(mover)),
    cpuOfGo: medianRatio(cpus(mover), cpus("Go client")),
  }));
  return { title, throughputs };
}
