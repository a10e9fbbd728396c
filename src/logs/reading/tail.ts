import { TurningBlocks } from "../files/blocks.js";
import { openLogFile } from "../files/log-file.js";
import type { ListedFile } from "../files/rotated.js";
import type { LogStream } from "../records/header.js";
import { type Line, LineFinder } from "../records/line-finder.js";
import type { ResolvedReadOptions } from "./options.js";
import type { Marks } from "./start.js";

/** How much of a file's end is looked at first, and how much more each time. */
const firstWindowBytes = 65_536;
const windowGrowth = 4;
/** A line is taken to begin where it does in the window when no other piece of it is so near before that. */
const lookBackBytes = 65_536;

/**
 * Where the last `count` lines begin, for each stream, in a list of files that begins with the oldest. A plain file is read from its
 * end in windows that grow, a compressed one as a whole.
 */
export async function findTail(
  listed: readonly ListedFile[],
  count: number,
  options: ResolvedReadOptions,
  signal: AbortSignal,
): Promise<Marks> {
  const begins: { stdout?: Marks["stdout"]; stderr?: Marks["stderr"] } = {};
  const newest = listed.length - 1;
  let end = { step: newest, offset: 0 };
  let left = count;
  // Streams of which the first line in a file is wanted: it may have begun in the file before.
  let begun = new Set<LogStream>();
  for (let step = newest; step >= 0 && (step === newest || left > 0 || begun.size > 0); step--) {
    const found = await lastLines(listed[step], left, options, signal);
    if (step === newest) end = { step, offset: found.end };
    const own = found.open.filter(({ stream }) => begins[stream] === undefined);
    let lines = left > 0 ? [...found.ended, ...own].slice(-left) : [];
    // Nothing is asked for but what comes: a line that has not ended is still to come.
    if (count === 0 && options.follow) lines = own;
    left -= lines.length;
    const joined = found.open.filter(({ stream }) => begun.has(stream));
    const kept = [...joined, ...lines];
    for (const { stream, offset } of [...joined, ...[...lines].reverse()]) begins[stream] = { step, offset };
    begun = new Set(kept.filter(({ isFirst }) => isFirst && found.from === 0).map(({ stream }) => stream));
  }
  return { stdout: begins.stdout ?? end, stderr: begins.stderr ?? end };
}

interface LastLines {
  /** In the order in which they end. */
  readonly ended: readonly Line[];
  readonly open: readonly Line[];
  /** Where the part begins that was looked at. */
  readonly from: number;
  /** Where the last whole record ends. */
  readonly end: number;
}

async function lastLines(
  listed: ListedFile | undefined,
  count: number,
  { stream }: ResolvedReadOptions,
  signal: AbortSignal,
): Promise<LastLines> {
  if (listed === undefined) return { ended: [], open: [], from: 0, end: 0 };
  const file = await openLogFile(listed);
  try {
    for (let window = firstWindowBytes; ; window *= windowGrowth) {
      const from = await file.lastBytesAt(window);
      const finder = new LineFinder(count, stream, from);
      for await (const { bytes, offset } of file.chunks(from, new TurningBlocks(Number.POSITIVE_INFINITY))) {
        signal.throwIfAborted();
        finder.push(bytes, offset);
      }
      const { ended, open, end } = finder;
      const isUncertain = [...ended, ...open].some(
        ({ isFirst, offset }) => isFirst && offset - from < lookBackBytes,
      );
      if (from === 0 || (ended.length + open.length >= count && !isUncertain))
        return { ended, open, from, end };
    }
  } finally {
    await file.close();
  }
}
