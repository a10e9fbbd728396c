import { sleep } from "../../core/index.js";
import { FileMoved, isMoved } from "../files/errors.js";
import type { LogFile } from "../files/log-file.js";
import { type Listing, LogFiles, resolveLinks } from "../files/log-files.js";
import type { StartOffsets } from "../records/parser.js";
import type { LogCursor } from "../records/position.js";
import { type Instant, instantOf } from "../records/time.js";
import type { ResolvedReadOptions } from "./options.js";
import { type FileOffset, findTail, type StreamStarts } from "./tail.js";

/** Where a reader begins. */
export interface Start {
  readonly files: LogFiles;
  readonly file: LogFile;
  readonly offset: number;
  readonly starts: StreamStarts;
  /** Set when the cursor's file was deleted: earlier records are skipped. */
  readonly lostAt?: Instant | undefined;
}

/** The maximum of repeated searches when files are renamed during a search, and the delay before each. */
const maxAttempts = 20;
const retryDelayMs = 25;

/** Returns, for the file that is `step` files after the first, the offset from which the records of each stream are read. */
export function startOffsetsOf({ stdout, stderr }: StreamStarts, step: number): StartOffsets {
  const at = (start: FileOffset) =>
    start.step < step ? 0 : start.step > step ? Number.POSITIVE_INFINITY : start.offset;
  return { stdout: at(stdout), stderr: at(stderr) };
}

/** Finds where to begin; `undefined` when there is no file. Repeats the search when files are renamed during it. */
export async function findStart(
  path: string,
  options: ResolvedReadOptions,
  signal: AbortSignal,
): Promise<Start | undefined> {
  for (let attempt = 0; ; attempt++) {
    signal.throwIfAborted();
    const files = new LogFiles(await resolveLinks(path));
    try {
      return await tryStart(files, options, signal);
    } catch (error) {
      if (!isMoved(error)) throw error;
      // Between the rename of a rotation and the runtime's new file, no file is at the path for some milliseconds.
      const others = (await files.list()).files;
      if (attempt >= maxAttempts || (attempt > 0 && others.length === 0)) return undefined;
      await sleep(retryDelayMs, signal);
    }
  }
}

/**
 * Searches once, in one listing of the files. Rejects with an `isMoved` error when a file that it opens is no longer the one that
 * was listed.
 */
async function tryStart(files: LogFiles, options: ResolvedReadOptions, signal: AbortSignal): Promise<Start> {
  const { from, tail, includeRotated } = options;
  const listing = await files.list();
  if (from) return startAtCursor(files, listing, from);
  const step = includeRotated ? 0 : listing.current;
  if (step < 0) throw new FileMoved(files.path);
  if (tail !== undefined) {
    const { starts, end } = await findTail(listing, step, tail, options, signal);
    return startAt(files, listing, starts, end);
  }
  return startAt(files, listing, { stdout: { step, offset: 0 }, stderr: { step, offset: 0 } });
}

async function startAtCursor(
  files: LogFiles,
  listing: Listing,
  { file, offset, open, time }: LogCursor,
): Promise<Start> {
  const here = { step: await listing.indexOfCursor(file), offset };
  if (here.step < 0) {
    // The file may have been renamed during the search. It was deleted only if the listing is still the same.
    if (!(await listing.equals(await files.list()))) throw new FileMoved(files.path);
    const beginning = { step: 0, offset: 0 };
    const start = await startAt(files, listing, { stdout: beginning, stderr: beginning });
    return { ...start, lostAt: instantOf(time === undefined ? 0n : nanosOf(time)) };
  }
  const startOf = async (stream: "stdout" | "stderr"): Promise<FileOffset> => {
    const line = open?.[stream];
    if (line === undefined) return here;
    const step = await listing.indexOfCursor(line.file);
    // When the file with the beginning of the line was deleted, only the rest of the line can be read.
    return step < 0 ? here : { step, offset: line.offset };
  };
  return startAt(files, listing, { stdout: await startOf("stdout"), stderr: await startOf("stderr") });
}

/** Begins where the first stream starts, whose steps are indices of the listing, or at `before`, which precedes both. */
async function startAt(
  files: LogFiles,
  listing: Listing,
  starts: StreamStarts,
  before?: FileOffset,
): Promise<Start> {
  const { stdout, stderr } = starts;
  const { step, offset } = before ?? (isBefore(stderr, stdout) ? stderr : stdout);
  const relative = (start: FileOffset): FileOffset => ({ step: start.step - step, offset: start.offset });
  const file = await files.open(listing, step);
  return { files, file, offset, starts: { stdout: relative(stdout), stderr: relative(stderr) } };
}

function isBefore(one: FileOffset, other: FileOffset): boolean {
  return one.step < other.step || (one.step === other.step && one.offset < other.offset);
}

/** Parses the time of a cursor, which was validated. */
function nanosOf(time: string): bigint {
  return BigInt(Date.parse(`${time.slice(0, 19)}Z`)) * 1_000_000n + BigInt(time.slice(20, 29));
}
