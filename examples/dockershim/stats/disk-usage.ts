// The size of a container's own files: the upper directory of its overlay.
import { type Dir, lstatSync, opendirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { now } from "./targets.js";
import { TimeSlice } from "./time-slice.js";

const refreshMs = 10_000;
/** From this age on, an answer waits for the new result. */
const staleMs = 30_000;
/** How long an answer waits; then it has the old result or none. */
const longestWaitMs = 250;
/** The pause after each slice of counting: large directories take a fifth of a CPU. */
const pauseMs = 20;

export interface DiskSpace {
  readonly bytes: bigint;
  readonly inodes: bigint;
  readonly timestamp: bigint;
}

/** The space that a directory takes. It is counted on demand, in the background, and at most every ten seconds. */
export class DiskUsage {
  readonly path: string;
  #last: DiskSpace | undefined;
  #counting: Promise<void> | undefined;

  constructor(path: string) {
    this.path = path;
  }

  /** The result of the latest count that has ended. */
  get last(): DiskSpace | undefined {
    return this.#last;
  }

  /** Starts to count if the result is old. Resolves when there is a result that is not stale; never rejects. */
  async refresh(): Promise<void> {
    const ageMs = Date.now() - Number((this.#last?.timestamp ?? 0n) / 1_000_000n);
    if (ageMs >= refreshMs || ageMs < 0) this.#counting ??= this.#count();
    if (ageMs >= staleMs) await this.#counting;
  }

  async #count(): Promise<void> {
    const counting = count(this.path);
    try {
      let step = await inTurn(counting);
      while (!step.done) step = await inTurn(counting);
      this.#last = step.value ?? this.#last;
    } catch {
      // The old result remains until the directory can be read again.
    } finally {
      this.#counting = undefined;
    }
  }
}

/** Refreshes several usages, and waits a moment for those that are unknown or stale. */
export async function refreshAll(usages: readonly DiskUsage[]): Promise<void> {
  const timer = new AbortController();
  const timeout = sleep(longestWaitMs, undefined, { signal: timer.signal }).catch(() => undefined);
  await Promise.race([Promise.all(usages.map((usage) => usage.refresh())), timeout]);
  timer.abort();
}

type Counting = Generator<void, DiskSpace | undefined>;

/** Counting takes turns of one time slice, so that a large directory does not delay the others. */
let lastTurn: Promise<unknown> = Promise.resolve();

function inTurn(counting: Counting) {
  const turn = lastTurn.then(() => countForOneSlice(counting));
  lastTurn = turn.catch(() => undefined);
  return turn;
}

async function countForOneSlice(counting: Counting) {
  const slice = new TimeSlice();
  let step = counting.next();
  while (!step.done && !slice.isOver) step = counting.next();
  await slice.pause(step.done ? 0 : pauseMs);
  return step;
}

/** Counts all files below a directory, each of them once; undefined if the directory does not exist. Yields after each file. */
function* count(root: string): Counting {
  const directories: string[] = [];
  const linked = new Set<number>();
  let [bytes, inodes] = [0, 0];
  const add = (path: string) => {
    // Files come and go while they are counted.
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (!stats || linked.has(stats.ino)) return;
    if (stats.isDirectory()) directories.push(path);
    else if (stats.nlink > 1) linked.add(stats.ino);
    bytes += stats.blocks * 512;
    inodes++;
  };
  add(root);
  for (let path = directories.pop(); path !== undefined; path = directories.pop())
    for (const name of names(path)) {
      add(join(path, name));
      yield;
    }
  return inodes === 0 ? undefined : { bytes: BigInt(bytes), inodes: BigInt(inodes), timestamp: now() };
}

/** Returns the names in a directory, read in parts: it may have any number of them. */
function* names(path: string): Generator<string> {
  const directory = open(path);
  try {
    for (let entry = directory?.readSync(); entry; entry = directory?.readSync()) yield entry.name;
  } finally {
    directory?.closeSync();
  }
}

function open(path: string): Dir | undefined {
  try {
    return opendirSync(path, { bufferSize: 256 });
  } catch {
    return undefined;
  }
}
