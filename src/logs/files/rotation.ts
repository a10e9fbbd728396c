// The one rule of the names of rotated logs, and the rotation itself.
import { constants } from "node:fs";
import { link, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { checkArgument, openRegularFile, option } from "../../core/index.js";
import { isAbsent, isErrno } from "./errors.js";

const { O_CREAT, O_TRUNC, O_WRONLY } = constants;

/** A file of a log. */
export interface LogFileInfo {
  /** The path of the file. */
  readonly path: string;
  /** Whether it is compressed with gzip. */
  readonly compressed: boolean;
}

/** The parts of a rotated log's name, `<log>.<suffix>`, with `.gz` when it is compressed. */
export interface RotatedLogName {
  /** `20261123-100503`, the local time of the rotation, as the kubelet appends it; or Docker's number, 1 for the newest. */
  readonly suffix: string;
  readonly compressed: boolean;
  /** Whether the name ends in `.tmp`: its compression has not finished, or was interrupted. */
  readonly unfinished: boolean;
}

/**
 * Parses the name of a file beside the log `logName` by the rule of the kubelet and of Docker: `0.log.20261123-100503`,
 * `0.log.1`, each with or without `.gz`, and with or without `.tmp`. Returns `undefined` for names of other files.
 */
export function parseRotatedLogName(name: string, logName: string): RotatedLogName | undefined {
  if (!name.startsWith(`${logName}.`)) return undefined;
  const match = /^(\d{8}-\d{6}|\d{1,6})(\.gz)?(\.tmp)?$/.exec(name.slice(logName.length + 1));
  const [, suffix, gz, tmp] = match ?? [];
  return suffix === undefined
    ? undefined
    : { suffix, compressed: gz !== undefined, unfinished: tmp !== undefined };
}

/** Formats the suffix that the kubelet appends to a rotated log: `YYYYMMDD-HHMMSS`, in local time. */
export function rotatedLogSuffix(time: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${time.getFullYear()}${two(time.getMonth() + 1)}${two(time.getDate())}`;
  return `${day}-${two(time.getHours())}${two(time.getMinutes())}${two(time.getSeconds())}`;
}

/** Whether a suffix is a time: later files have a greater one. Docker's numbers change with each rotation. */
export function isTimeSuffix(suffix: string): boolean {
  return suffix.includes("-");
}

/**
 * Lists the rotated files of the log at `path`, the oldest first: `PATH.YYYYMMDD-HHMMSS` as the kubelet names them and `PATH.1`
 * as Docker does, each with or without `.gz`. The file at `path` itself is not included. Returns an empty list when there are
 * none, or when the folder does not exist. Rejects with Node's error when the folder cannot be read.
 */
export async function rotatedLogs(path: string): Promise<readonly LogFileInfo[]> {
  checkArgument("rotatedLogs", "path", path, option.string);
  const folder = dirname(path);
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    if (isAbsent(error)) return [];
    throw error;
  });
  const found = new Map<string, LogFileInfo>();
  for (const entry of entries) {
    const { name } = entry;
    const rotated = parseRotatedLogName(name, basename(path));
    if (rotated === undefined || rotated.unfinished) continue;
    if (!entry.isFile() && !entry.isSymbolicLink()) continue;
    const { suffix, compressed } = rotated;
    // While a file is replaced by its compressed copy, both exist and have the same content.
    if (!(compressed && found.has(suffix))) found.set(suffix, { path: join(folder, name), compressed });
  }
  return [...found].sort(([one], [other]) => byAge(one, other)).map(([, file]) => file);
}

function byAge(one: string, other: string): number {
  if (isTimeSuffix(one) !== isTimeSuffix(other)) return isTimeSuffix(one) ? 1 : -1;
  if (!isTimeSuffix(one)) return Number(other) - Number(one);
  return one < other ? -1 : one > other ? 1 : 0;
}

/** The rotation of a log, with the kubelet's names. */
export class Rotation {
  readonly #path: string;
  readonly #maxFiles: number;
  readonly #compress: boolean;
  #lastMs = 0;

  constructor(path: string, maxFiles: number, compress: boolean) {
    this.#path = path;
    this.#maxFiles = maxFiles;
    this.#compress = compress;
  }

  /** Renames the file at the path. Returns its new name; `undefined` when the file does not exist any more. */
  async moveAway(): Promise<string | undefined> {
    // Names have a resolution of one second. With several rotations in a second, their times run ahead, because only the order
    // matters.
    for (let ms = Math.max(Date.now(), this.#lastMs + 1_000); ; ms += 1_000) {
      const name = `${this.#path}.${rotatedLogSuffix(new Date(ms))}`;
      try {
        // Unlike a rename, a link never replaces an existing file.
        await link(this.#path, name);
      } catch (error) {
        if (isErrno(error, "EEXIST")) continue;
        if (isErrno(error, "ENOENT")) return undefined;
        if (!isErrno(error, ...noLinks)) throw error;
        await rename(this.#path, name);
        this.#lastMs = ms;
        return name;
      }
      await rm(this.#path, { force: true });
      this.#lastMs = ms;
      return name;
    }
  }

  /** Removes the oldest files above the limit, and compresses the others except for the newest. */
  async cleanUp(): Promise<void> {
    await removeExcessLogs(this.#path, Math.max(0, this.#maxFiles - 1));
    if (this.#compress) await compressRotatedLogs(this.#path);
  }
}

/** Removes the oldest rotated files of the log at `path` until `kept` remain, and what an interrupted compression has left. */
export async function removeExcessLogs(path: string, kept: number): Promise<void> {
  await removeLeftovers(path);
  const rotated = await rotatedLogs(path);
  for (const file of rotated.slice(0, Math.max(0, rotated.length - kept)))
    await rm(file.path, { force: true });
}

/**
 * Compresses the rotated files of the log at `path` except for the newest, to which a runtime may still write. Each gets its new name only
 * when it is complete. Rejects with Node's error, such as ENOSPC, and leaves the file as it was.
 */
export async function compressRotatedLogs(path: string): Promise<void> {
  for (const file of (await rotatedLogs(path)).slice(0, -1)) if (!file.compressed) await compress(file.path);
}

/** Returns a name for the file at `path` that no file beside it has. Names have a resolution of one second: later ones run ahead. */
export async function unusedRotatedName(path: string, time: Date): Promise<string> {
  const names = new Set(await readdir(dirname(path)));
  for (let ms = time.getTime(); ; ms += 1_000) {
    const name = `${basename(path)}.${rotatedLogSuffix(new Date(ms))}`;
    if (!names.has(name) && !names.has(`${name}.gz`)) return join(dirname(path), name);
  }
}

/** Removes unfinished files, and files whose compressed copy is complete: the process ended between two steps. */
async function removeLeftovers(path: string): Promise<void> {
  const [folder, logName] = [dirname(path), basename(path)];
  const names = await readdir(folder).catch((error: unknown) => {
    if (isAbsent(error)) return [];
    throw error;
  });
  const existing = new Set(names);
  for (const name of names) {
    const rotated = parseRotatedLogName(name, logName);
    if (rotated === undefined) continue;
    const isCopied = !rotated.compressed && existing.has(`${name}.gz`);
    if (rotated.unfinished || isCopied) await rm(join(folder, name), { force: true });
  }
}

async function compress(path: string): Promise<void> {
  const unfinished = `${path}.tmp`;
  const source = await openRegularFile(path);
  try {
    const target = await openRegularFile(unfinished, O_CREAT | O_TRUNC | O_WRONLY, 0o640);
    // The streams close both files, also when one of them fails.
    await pipeline(source.createReadStream(), createGzip(), target.createWriteStream());
    await rename(unfinished, `${path}.gz`);
  } catch (error) {
    await source.close();
    await rm(unfinished, { force: true });
    throw error;
  }
  await rm(path, { force: true });
}

/** The errors of file systems without hard links. */
const noLinks = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"];
