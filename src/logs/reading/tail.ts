import { type LogFile, openLogFile } from "../files/log-file.js";
import type { ListedFile } from "../files/rotated.js";
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
  let end = { step: listed.length - 1, offset: 0 };
  let left = count;
  for (let step = listed.length - 1; step >= 0; step--) {
    const entry = listed[step];
    if (entry === undefined) continue;
    const file = await openLogFile(entry);
    try {
      const isNewest = step === listed.length - 1;
      const found = await lastLines(file, left, options, signal);
      if (isNewest) end = { step, offset: found.end };
      // Nothing is asked for but what comes: a line that has not ended is still to come.
      const lines = count === 0 ? (options.follow ? found.open : []) : found.lines;
      for (const { stream, offset } of [...lines].reverse()) begins[stream] = { step, offset };
      left -= found.lines.length;
      if (left <= 0) break;
    } finally {
      await file.close();
    }
  }
  return { stdout: begins.stdout ?? end, stderr: begins.stderr ?? end };
}

interface LastLines {
  /** In the order in which they end. */
  readonly lines: readonly Line[];
  /** Those of which no end is there. */
  readonly open: readonly Line[];
  /** Where the last whole record ends. */
  readonly end: number;
}

async function lastLines(
  file: LogFile,
  count: number,
  { stream }: ResolvedReadOptions,
  signal: AbortSignal,
): Promise<LastLines> {
  for (let window = firstWindowBytes; ; window *= windowGrowth) {
    const from = await file.lastBytesAt(window);
    const finder = new LineFinder(count, stream, from);
    for await (const { bytes, offset } of file.chunks(from, true)) {
      signal.throwIfAborted();
      finder.push(bytes, offset);
    }
    const { lines } = finder;
    const isUncertain = lines.some(({ isFirst, offset }) => isFirst && offset - from < lookBackBytes);
    if (from === 0 || (lines.length >= count && !isUncertain))
      return { lines, open: finder.open, end: finder.end };
  }
}
