import { readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { isAbsent } from "./errors.js";

/** A file that belongs to a log. */
export interface ListedFile {
  readonly path: string;
  /** Whether it is compressed by gzip. */
  readonly compressed: boolean;
}

/** The kubelet's suffix is a time, `20261123-100503`; Docker's a number, 1 for the newest. */
const suffix = /^(?:\d{8}-\d{6}|\d{1,6})$/;

/**
 * The rotated files of the log at `path`, the oldest first: `PATH.YYYYMMDD-HHMMSS` as the kubelet names them, `PATH.1` as Docker
 * does, each plain or with `.gz`. Empty where there are none, or no folder. The file at `path` itself is not in it. Rejects with
 * Node's error where the folder cannot be read.
 */
export async function rotatedLogs(path: string): Promise<readonly ListedFile[]> {
  const folder = dirname(path);
  const begin = `${basename(path)}.`;
  const names = await readdir(folder).catch((error: unknown) => {
    if (isAbsent(error)) return [];
    throw error;
  });
  const found = new Map<string, ListedFile>();
  for (const name of names) {
    if (!name.startsWith(begin)) continue;
    const compressed = name.endsWith(".gz");
    const tail = name.slice(begin.length, compressed ? -3 : undefined);
    // A file and its compressed twin hold the same for the moment that both are there.
    if (suffix.test(tail) && !(compressed && found.has(tail)))
      found.set(tail, { path: join(folder, name), compressed });
  }
  return [...found].sort(([one], [other]) => compare(one, other)).map(([, file]) => file);
}

/** The name of a rotated file that has a time in it, without `.gz`: later files have a greater one. Undefined for all others. */
export function timedStem(path: string): string | undefined {
  return /^.*\.\d{8}-\d{6}(?=(?:\.gz)?$)/.exec(path)?.[0];
}

function compare(one: string, other: string): number {
  const [oneIsTime, otherIsTime] = [one.includes("-"), other.includes("-")];
  if (oneIsTime !== otherIsTime) return oneIsTime ? 1 : -1;
  if (!oneIsTime) return Number(other) - Number(one);
  return one < other ? -1 : one > other ? 1 : 0;
}
