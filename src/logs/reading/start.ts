import { realpath } from "node:fs/promises";
import { sleep } from "../../core/index.js";
import { isAbsent } from "../files/errors.js";
import { type LogFile, openLogFile } from "../files/log-file.js";
import { LogFiles } from "../files/log-files.js";
import type { ListedFile } from "../files/rotated.js";
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

const beginning: Marks = { stdout: { step: 0, offset: 0 }, stderr: { step: 0, offset: 0 } };

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
    try {
      return await tryStart(path, options, signal);
    } catch (error) {
      if (!isAbsent(error)) throw error;
      // Between the rename of a rotation and the runtime's new file there is none at the path, for some milliseconds.
      const others = await new LogFiles(path).list();
      if (tries >= 20 || (tries > 0 && others.length === 0)) return undefined;
      await sleep(25, signal);
    }
  }
}

async function tryStart(path: string, options: ResolvedReadOptions, signal: AbortSignal): Promise<Start> {
  const files = new LogFiles(await resolvePath(path));
  const { from, tail, includeRotated } = options;
  const listed = await files.list();
  if (from) return startAtCursor(files, listed, from);
  const current: ListedFile = { path: files.path, compressed: false };
  const all = includeRotated && listed.length > 0 ? listed : [current];
  if (tail !== undefined) return startAtTail(files, all, tail, options, signal);
  const [first = current] = all;
  return { files, file: await openLogFile(first), offset: 0, marks: beginning };
}

/** A log may be a link, as the kubelet makes them; it is followed once. The file itself may be away for a moment. */
async function resolvePath(path: string): Promise<string> {
  return realpath(path).catch((error: unknown) => {
    if (isAbsent(error)) return path;
    throw error;
  });
}

async function startAtTail(
  files: LogFiles,
  listed: readonly ListedFile[],
  tail: number,
  options: ResolvedReadOptions,
  signal: AbortSignal,
): Promise<Start> {
  const marks = await findTail(listed, tail, options, signal);
  return startAt(files, listed, marks);
}

async function startAtCursor(
  files: LogFiles,
  listed: readonly ListedFile[],
  { file, offset, open, time }: LogCursor,
): Promise<Start> {
  const here = { step: await files.find(listed, file), offset };
  if (here.step < 0) {
    const [oldest = { path: files.path, compressed: false }] = listed;
    const lostAt = time === undefined ? undefined : instantOf(nanosOf(time));
    return {
      files,
      file: await openLogFile(oldest),
      offset: 0,
      marks: beginning,
      lostAt: lostAt ?? instantOf(0n),
    };
  }
  const mark = async (stream: "stdout" | "stderr"): Promise<Mark> => {
    const place = open?.[stream];
    if (place === undefined) return here;
    const step = await files.find(listed, place.file);
    // The file in which the line began is gone: the rest of it has to do.
    return step < 0 ? here : { step, offset: place.offset };
  };
  return startAt(files, listed, { stdout: await mark("stdout"), stderr: await mark("stderr") });
}

/** Begins with the first of two marks, of which the steps are places in the list. */
async function startAt(
  files: LogFiles,
  listed: readonly ListedFile[],
  { stdout, stderr }: Marks,
): Promise<Start> {
  const isFirst =
    stdout.step < stderr.step || (stdout.step === stderr.step && stdout.offset <= stderr.offset);
  const { step, offset } = isFirst ? stdout : stderr;
  const relative = (mark: Mark): Mark => ({ step: mark.step - step, offset: mark.offset });
  const file = await openLogFile(listed[step] ?? { path: files.path, compressed: false });
  return { files, file, offset, marks: { stdout: relative(stdout), stderr: relative(stderr) } };
}

/** The time of a cursor, which was checked to be one. */
function nanosOf(time: string): bigint {
  return BigInt(Date.parse(`${time.slice(0, 19)}Z`)) * 1_000_000n + BigInt(time.slice(20, 29));
}
