import { sleep } from "../../core/index.js";
import { FileMoved, isMoved } from "../files/errors.js";
import { withoutLinks } from "../files/links.js";
import type { Listing } from "../files/listing.js";
import type { LogFile } from "../files/log-file.js";
import { LogFiles } from "../files/log-files.js";
import { type Instant, instantOf } from "../records/filter.js";
import type { Gate } from "../records/record-reader.js";
import type { LogCursor } from "./cursor.js";
import type { ResolvedReadOptions } from "./options.js";
import { findTail } from "./tail.js";

/** A place among the files of a log: in the file so many after another one. */
export interface Mark {
  readonly step: number;
  readonly offset: number;
}

/** Where the records of each stream begin to count. Steps are files after the one that is read first. */
export interface Marks {
  readonly stdout: Mark;
  readonly stderr: Mark;
}

/** Where a reader begins. */
export interface Start {
  readonly files: LogFiles;
  readonly file: LogFile;
  readonly offset: number;
  readonly marks: Marks;
  /** The cursor's file is gone, so only records from this time on count. */
  readonly lostAt?: Instant | undefined;
}

/** How often, and after how many milliseconds, files are looked for again that are renamed while they are looked for. */
const maxTries = 20;
const betweenTriesMs = 25;

/** What the gate is to the file that is `step` files after the first. */
export function gateOf({ stdout, stderr }: Marks, step: number): Gate {
  const at = (mark: Mark) =>
    mark.step < step ? 0 : mark.step > step ? Number.POSITIVE_INFINITY : mark.offset;
  return { stdout: at(stdout), stderr: at(stderr) };
}

/**
 * Finds where to begin; undefined where there is no file. Files that are renamed while they are looked for are looked for
 * again.
 */
export async function findStart(
  path: string,
  options: ResolvedReadOptions,
  signal: AbortSignal,
): Promise<Start | undefined> {
  for (let tries = 0; ; tries++) {
    signal.throwIfAborted();
    const files = new LogFiles(await withoutLinks(path));
    try {
      return await tryStart(files, options, signal);
    } catch (error) {
      if (!isMoved(error)) throw error;
      // Between the rename of a rotation and the runtime's new file there is none at the path, for some milliseconds.
      const others = (await files.list()).files;
      if (tries >= maxTries || (tries > 0 && others.length === 0)) return undefined;
      await sleep(betweenTriesMs, signal);
    }
  }
}

/** All places are those of one listing, and what is opened is what was listed: or it fails, as `isMoved` knows. */
async function tryStart(files: LogFiles, options: ResolvedReadOptions, signal: AbortSignal): Promise<Start> {
  const { from, tail, includeRotated } = options;
  const listing = await files.list();
  if (from) return startAtCursor(files, listing, from);
  const step = includeRotated ? 0 : listing.current;
  if (step < 0) throw new FileMoved(files.path);
  if (tail !== undefined) {
    const { marks, end } = await findTail(listing, step, tail, options, signal);
    return startAt(files, listing, marks, end);
  }
  return startAt(files, listing, { stdout: { step, offset: 0 }, stderr: { step, offset: 0 } });
}

async function startAtCursor(
  files: LogFiles,
  listing: Listing,
  { file, offset, open, time }: LogCursor,
): Promise<Start> {
  const here = { step: await listing.find(file), offset };
  if (here.step < 0) {
    // It is only gone when nothing was renamed while it was looked for.
    if (!(await listing.isLike(await files.list()))) throw new FileMoved(files.path);
    const beginning = { step: 0, offset: 0 };
    const start = await startAt(files, listing, { stdout: beginning, stderr: beginning });
    return { ...start, lostAt: instantOf(time === undefined ? 0n : nanosOf(time)) };
  }
  const mark = async (stream: "stdout" | "stderr"): Promise<Mark> => {
    const place = open?.[stream];
    if (place === undefined) return here;
    const step = await listing.find(place.file);
    // The file in which the line began is gone: the rest of it has to do.
    return step < 0 ? here : { step, offset: place.offset };
  };
  return startAt(files, listing, { stdout: await mark("stdout"), stderr: await mark("stderr") });
}

/** Begins with the first of two marks, of which the steps are places in the listing, or with a place before both. */
async function startAt(files: LogFiles, listing: Listing, marks: Marks, before?: Mark): Promise<Start> {
  const { stdout, stderr } = marks;
  const { step, offset } = before ?? (isBefore(stderr, stdout) ? stderr : stdout);
  const relative = (mark: Mark): Mark => ({ step: mark.step - step, offset: mark.offset });
  const file = await files.open(listing, step);
  return { files, file, offset, marks: { stdout: relative(stdout), stderr: relative(stderr) } };
}

function isBefore(one: Mark, other: Mark): boolean {
  return one.step < other.step || (one.step === other.step && one.offset < other.offset);
}

/** The time of a cursor, which was checked to be one. */
function nanosOf(time: string): bigint {
  return BigInt(Date.parse(`${time.slice(0, 19)}Z`)) * 1_000_000n + BigInt(time.slice(20, 29));
}
