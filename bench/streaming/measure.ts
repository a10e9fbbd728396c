import { median, medianRatio } from "../statistics.js";
import { benchPod } from "./pod.js";
import { type Mover, type Transfer, transfers } from "./transfers.js";

/** How fast one mover was. */
export interface Throughput {
  readonly mover: string;
  readonly megabytesPerSecond: number;
  /** In parts of the bare socket's. */
  readonly ratio: number;
  /** CPU seconds of this process for each gigabyte. */
  readonly cpuSecondsPerGigabyte: number;
}

export interface TransferResult {
  readonly title: string;
  readonly throughputs: readonly Throughput[];
}

interface Sample {
  readonly speed: number;
  readonly cpu: number;
}

/** Moves bytes through a runtime in turns, one mover after the other. */
export async function measureTransfers(
  endpoint: string,
  image: string,
  { rounds, share }: { readonly rounds: number; readonly share: number },
): Promise<TransferResult[]> {
  await using pod = await benchPod(endpoint, image);
  const results: TransferResult[] = [];
  for (const transfer of transfers(pod, share)) {
    try {
      await transfer.begin?.();
      results.push(await measure(transfer, rounds));
    } finally {
      await transfer.end?.();
    }
  }
  return results;
}

async function measure({ title, bytes, movers }: Transfer, rounds: number): Promise<TransferResult> {
  const names = Object.keys(movers) as Mover[];
  const samples = new Map<Mover, Sample[]>(names.map((name) => [name, []]));
  // The first round is for the compiler, and does not count.
  for (let round = -1; round < rounds; round++)
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(turn + round + 1) % names.length];
      const move = name && movers[name];
      if (!name || !move) continue;
      const cpuBefore = process.cpuUsage();
      const began = performance.now();
      await move();
      const seconds = (performance.now() - began) / 1_000;
      const { user, system } = process.cpuUsage(cpuBefore);
      const sample = { speed: bytes / 1e6 / seconds, cpu: (user + system) / 1e6 / (bytes / 1e9) };
      if (round >= 0) samples.get(name)?.push(sample);
    }
  const speeds = (name: Mover) => (samples.get(name) ?? []).map(({ speed }) => speed);
  const throughputs = names.map((mover) => ({
    mover,
    megabytesPerSecond: median(speeds(mover)),
    ratio: medianRatio(speeds(mover), speeds("bare socket")),
    cpuSecondsPerGigabyte: median((samples.get(mover) ?? []).map(({ cpu }) => cpu)),
  }));
  return { title, throughputs };
}
