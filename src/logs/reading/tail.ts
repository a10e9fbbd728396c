import { TurningBlocks } from "../files/blocks.js";
import type { Listing } from "../files/listing.js";
import type { LogStream } from "../records/header.js";
import { type Line, LineFinder } from "../records/line-finder.js";
import type { ResolvedReadOptions } from "./options.js";
import type { Mark, Marks } from "./start.js";

/** How much of a file's end is looked at first, and how much more each time. */
const firstWindowBytes = 65_536;
const windowGrowth = 4;
/** A line is taken to begin where it does in the window when no other piece of it is so near before that: more than the kubelet's file. */
const lookBackBytes = 12_582_912;

const streams: readonly LogStream[] = ["stdout", "stderr"];

/** Where the last lines begin. */
export interface Tail {
  readonly marks: Marks;
  /** Where the reading begins, when it is not at a mark. */
  readonly end?: Mark | undefined;
}

/**
 * Where the last `count` lines begin, for each stream, in the files from the place `oldest` of a listing on. A plain file is read
 * from its end in windows that grow, a compressed one as a whole.
 */
export async function findTail(
  listing: Listing,
  oldest: number,
  count: number,
  options: ResolvedReadOptions,
  signal: AbortSignal,
): Promise<Tail> {
  const begins: { stdout?: Mark; stderr?: Mark } = {};
  const newest = listing.files.length - 1;
  let end = { step: newest, offset: 0 };
  let left = count;
  // Streams of which the first line that is wanted may have begun in the file before.
  let begun = new Set<LogStream>();
  for (let step = newest; step === newest || (step >= oldest && (left > 0 || begun.size > 0)); step--) {
    const found = await lastLines(listing, step, left, begun, options, signal);
    if (step === newest) end = { step, offset: found.end };
    const own = found.open.filter(({ stream }) => begins[stream] === undefined);
    let lines = left > 0 ? [...found.ended, ...own].slice(-left) : [];
    // Nothing is asked for but what comes: a line that has not ended is still to come.
    if (count === 0 && options.follow) lines = own;
    left -= lines.length;
    const joined = found.open.filter(({ stream }) => begun.has(stream));
    const kept = [...joined, ...lines];
    for (const { stream, offset } of [...joined, ...[...lines].reverse()]) begins[stream] = { step, offset };
    // One that is not in this file at all may be in the one before.
    const mayGoBack = (stream: LogStream) =>
      found.hasSeen(stream) ? kept.some((line) => line.stream === stream && line.isFirst) : begun.has(stream);
    begun = new Set(found.from > 0 ? [] : streams.filter(mayGoBack));
  }
  // What is there without a newline does not count, and is read again by who goes on from there.
  if (count === 0 && !options.follow) {
    const never = { step: newest, offset: Number.POSITIVE_INFINITY };
    return { marks: { stdout: never, stderr: never }, end };
  }
  return { marks: { stdout: begins.stdout ?? end, stderr: begins.stderr ?? end } };
}

interface LastLines {
  /** In the order in which they end. */
  readonly ended: readonly Line[];
  readonly open: readonly Line[];
  readonly hasSeen: (stream: LogStream) => boolean;
  /** Where the part begins that was looked at. */
  readonly from: number;
  /** Where the last whole record ends. */
  readonly end: number;
}

/** The last lines of a file, and in any case the beginning of what of these streams is open at its end. */
async function lastLines(
  listing: Listing,
  step: number,
  count: number,
  begun: ReadonlySet<LogStream>,
  { stream }: ResolvedReadOptions,
  signal: AbortSignal,
): Promise<LastLines> {
  const file = await listing.open(step);
  try {
    for (let window = firstWindowBytes; ; window *= windowGrowth) {
      const from = await file.lastBytesAt(window);
      const finder = new LineFinder(count, stream, from);
      for await (const { bytes, offset } of file.chunks(from, new TurningBlocks(Number.POSITIVE_INFINITY))) {
        signal.throwIfAborted();
        finder.push(bytes, offset);
      }
      finder.finish();
      const { ended, open, end, isInside } = finder;
      const begins = [...ended, ...open].filter(({ isFirst }) => isFirst).map(({ offset }) => offset - from);
      const isUnseen = [...begun].some((stream) => !finder.hasSeen(stream));
      const isUncertain =
        begins.some((bytes) => bytes < lookBackBytes) || (isUnseen && window < lookBackBytes);
      if (from === 0 || (!isInside && ended.length + open.length >= count && !isUncertain))
        return { ended, open, hasSeen: (stream) => finder.hasSeen(stream), from, end };
    }
  } finally {
    await file.close();
  }
}
