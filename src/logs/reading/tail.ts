import { DamagedFile } from "../files/errors.js";
import { DoubleBuffer } from "../files/log-file.js";
import type { Listing } from "../files/log-files.js";
import { RecordParser, type RecordSink, type StartOffsets } from "../records/parser.js";
import { noOpenLines } from "../records/position.js";
import type { CriRecord, LogStream } from "../records/record.js";
import type { ResolvedReadOptions } from "./options.js";

/** An offset in one of the files of a log. */
export interface FileOffset {
  /** The index of the file, relative to another one. */
  readonly step: number;
  readonly offset: number;
}

/** The position from which the records of each stream are read. Steps are relative to the file that is read first. */
export interface StreamStarts {
  readonly stdout: FileOffset;
  readonly stderr: FileOffset;
}

/** Where the last lines begin. */
export interface Tail {
  readonly starts: StreamStarts;
  /** Where the reading begins, if not at the start of a stream. */
  readonly end?: FileOffset | undefined;
}

/** A line of the container, identified by the offset at which it begins. */
interface Line {
  readonly stream: LogStream;
  readonly offset: number;
  /** Whether it is the first line of its stream that was seen, so that it may have begun earlier. */
  readonly isFirst: boolean;
}

const newline = 10;
/** The size of the first window at the end of a file, and the growth of the next ones. */
const firstWindowBytes = 65_536;
const windowGrowth = 4;
/**
 * A line whose beginning may precede the window is searched for this far back: further than the largest file that the kubelet
 * keeps by default, 10 MiB.
 */
const lookBackBytes = 12_582_912;
/** Only the header of a longer record matters, so it need not be held. */
const maxRecordBytes = 1_048_576;

const streams: readonly LogStream[] = ["stdout", "stderr"];
const fromBeginning: StartOffsets = { stdout: 0, stderr: 0 };

/**
 * Finds where the last `count` lines begin, for each stream, in the files of a listing from `oldest` on. A plain file is read
 * from its end in growing windows, a compressed one as a whole.
 */
export async function findTail(
  listing: Listing,
  oldest: number,
  count: number,
  options: ResolvedReadOptions,
  signal: AbortSignal,
): Promise<Tail> {
  const starts: { stdout?: FileOffset; stderr?: FileOffset } = {};
  const newest = listing.files.length - 1;
  let end = { step: newest, offset: 0 };
  let remaining = count;
  // Streams whose first selected line may have begun in the previous file.
  let unresolved = new Set<LogStream>();
  for (
    let step = newest;
    step === newest || (step >= oldest && (remaining > 0 || unresolved.size > 0));
    step--
  ) {
    const found = await lastLines(listing, step, remaining, unresolved, options, signal);
    if (step === newest) end = { step, offset: found.end };
    const own = found.open.filter(({ stream }) => starts[stream] === undefined);
    let lines = remaining > 0 ? [...found.ended, ...own].slice(-remaining) : [];
    // `tail: 0` selects what is logged from now on. That includes the rest of an open line.
    if (count === 0 && options.follow) lines = own;
    remaining -= lines.length;
    const joined = found.open.filter(({ stream }) => unresolved.has(stream));
    const selected = [...joined, ...lines];
    for (const { stream, offset } of [...joined, ...[...lines].reverse()]) starts[stream] = { step, offset };
    // A line of a stream that does not occur in this file may be in the previous one.
    const mayGoBack = (stream: LogStream) =>
      found.hasSeen(stream)
        ? selected.some((line) => line.stream === stream && line.isFirst)
        : unresolved.has(stream);
    unresolved = new Set(found.from > 0 ? [] : streams.filter(mayGoBack));
  }
  // A record without its newline does not count: a reader that continues from here reads it again.
  if (count === 0 && !options.follow) {
    const never = { step: newest, offset: Number.POSITIVE_INFINITY };
    return { starts: { stdout: never, stderr: never }, end };
  }
  return { starts: { stdout: starts.stdout ?? end, stderr: starts.stderr ?? end } };
}

interface LastLines {
  /** In the order in which they end. */
  readonly ended: readonly Line[];
  readonly open: readonly Line[];
  readonly hasSeen: (stream: LogStream) => boolean;
  /** Where the window begins. */
  readonly from: number;
  /** Where the last whole record ends. */
  readonly end: number;
}

/** Finds the last lines of a file. Always also finds where the open lines of the `unresolved` streams begin. */
async function lastLines(
  listing: Listing,
  step: number,
  count: number,
  unresolved: ReadonlySet<LogStream>,
  { stream }: ResolvedReadOptions,
  signal: AbortSignal,
): Promise<LastLines> {
  const file = await listing.open(step);
  try {
    for (let window = firstWindowBytes; ; window *= windowGrowth) {
      const from = await file.lastBytesAt(window);
      const lines = new LineSink(count);
      const parser = new RecordParser({
        sink: lines,
        stream,
        maxLineBytes: maxRecordBytes,
        onUnreadable: () => undefined,
      });
      parser.enter(undefined, from, fromBeginning);
      // A window begins in the middle of a record.
      let isInside = from > 0;
      let isDamaged = false;
      try {
        for await (const { bytes, offset } of file.chunks(from, new DoubleBuffer())) {
          signal.throwIfAborted();
          const begin = isInside ? bytes.indexOf(newline) + 1 : 0;
          if (isInside && begin === 0) continue;
          if (isInside) parser.enter(undefined, offset + begin, fromBeginning);
          isInside = false;
          parser.push(bytes.subarray(begin), offset + begin);
        }
      } catch (error) {
        if (!(error instanceof DamagedFile)) throw error;
        isDamaged = true;
      }
      lines.isAtEnd = true;
      if (isDamaged) parser.endLog();
      else parser.endFile();
      const { ended, open } = lines;
      const begins = [...ended, ...open].filter(({ isFirst }) => isFirst).map(({ offset }) => offset - from);
      const isUnseen = [...unresolved].some((stream) => !lines.hasSeen(stream));
      const isUncertain =
        begins.some((bytes) => bytes < lookBackBytes) || (isUnseen && window < lookBackBytes);
      if (from === 0 || (!isInside && ended.length + open.length >= count && !isUncertain))
        return { ended, open, hasSeen: (stream) => lines.hasSeen(stream), from, end: parser.offset };
    }
  } finally {
    await file.close();
  }
}

/** A sink that collects where the last lines begin. */
class LineSink implements RecordSink {
  readonly openLines = noOpenLines;
  readonly stop = undefined;
  /** Whether the records that follow have no newline. Their lines have not ended, whatever their tag. */
  isAtEnd = false;
  readonly #count: number;
  readonly #open = new Map<LogStream, Line>();
  readonly #seen = new Set<LogStream>();
  #ended: Line[] = [];
  /** Whether bytes before the current record are lost, so that no line after them began before them. */
  #hasGap = false;

  constructor(count: number) {
    this.#count = count;
  }

  record({ isStderr, endsLine }: CriRecord, begin: number): void {
    const stream = isStderr ? "stderr" : "stdout";
    const line = this.#open.get(stream) ?? { stream, offset: begin, isFirst: !this.hasSeen(stream) };
    this.#seen.add(stream);
    this.#open.delete(stream);
    if (!endsLine || this.isAtEnd) this.#open.set(stream, line);
    else this.#end(line);
  }

  flush(): void {
    this.#hasGap = true;
    for (const stream of streams) {
      const line = this.#open.get(stream);
      if (line) this.#end(line);
    }
    this.#open.clear();
  }

  #end(line: Line): void {
    if (this.#ended.push(line) > 2 * this.#count + 1_024)
      this.#ended = this.#ended.slice(-this.#count || this.#ended.length);
  }

  /** Returns whether there was a record of a stream, or a gap, before which its records are of no concern. */
  hasSeen(stream: LogStream): boolean {
    return this.#hasGap || this.#seen.has(stream);
  }

  /** The last lines that ended. */
  get ended(): readonly Line[] {
    return this.#count === 0 ? [] : this.#ended.slice(-this.#count);
  }

  /** The lines that have not ended. */
  get open(): readonly Line[] {
    return [...this.#open.values()];
  }
}
