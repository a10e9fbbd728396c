// The state in which a killed writer may leave its log.
import { constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { openRegularFile } from "../../core/index.js";
import { isAbsent } from "../files/errors.js";
import { rotatedLogs } from "../files/rotation.js";

const { O_APPEND, O_RDWR } = constants;
const newline = 10;
const blockBytes = 65_536;

/**
 * Opens the file to which the writer of the log at `path` appended last: the one at the path or, if that was renamed and not
 * reopened, the newest rotated one. Returns `undefined` for none.
 */
export async function openToResume(path: string): Promise<FileHandle | undefined> {
  const current = await openExisting(path);
  if (current) return current;
  const newest = (await rotatedLogs(path)).at(-1);
  // A file is compressed after the next one was opened.
  return newest && !newest.compressed ? openExisting(newest.path) : undefined;
}

async function openExisting(path: string): Promise<FileHandle | undefined> {
  try {
    return await openRegularFile(path, O_APPEND | O_RDWR);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** Truncates a file after its last newline. Returns its size. */
export async function removeIncompleteRecord(file: FileHandle): Promise<number> {
  const { size } = await file.stat();
  const block = Buffer.allocUnsafe(blockBytes);
  for (let end = size; end > 0; ) {
    const begin = Math.max(0, end - blockBytes);
    const { bytesRead } = await file.read(block, 0, end - begin, begin);
    const found = block.subarray(0, bytesRead).lastIndexOf(newline);
    if (found < 0) {
      end = begin;
      continue;
    }
    const whole = begin + found + 1;
    if (whole < size) await file.truncate(whole);
    return whole;
  }
  if (size > 0) await file.truncate(0);
  return 0;
}
