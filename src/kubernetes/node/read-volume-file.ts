import { closeSync, constants, fstatSync, openSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { codeOf } from "../../core/index.js";
import { isWithin } from "./mount-table.js";
import { volumeError } from "./volume-error.js";

const O_PATH = 0o10000000;
const limitBytes = 1_048_576;

/**
 * Returns the text of a file in a volume, for fileKeyRef; undefined where it does not exist. Links are followed as long as they stay in
 * the volume. Rejects what is not a regular file, and files of more than 1 MiB.
 *
 * @param what the volume, for errors
 */
export function readVolumeFile(what: string, volumePath: string, path: string): string | undefined {
  if (path.startsWith("/") || path.includes("\0") || path.split("/").includes(".."))
    throw volumeError(what, `path must be relative, without "..", got ${JSON.stringify(path)}`);
  let handle: number;
  let root: string;
  try {
    root = realpathSync(volumePath);
    // Has no effect on what is opened, wherever a container's links lead.
    handle = openSync(join(root, path), O_PATH);
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return undefined;
    throw volumeError(what, `${path} cannot be opened`, { cause: error });
  }
  try {
    const opened = `/proc/self/fd/${handle}`;
    if (!isWithin(readlinkSync(opened), root)) throw volumeError(what, `${path} leads out of the volume`);
    const status = fstatSync(handle);
    if (!status.isFile()) throw volumeError(what, `${path} is not a regular file`);
    if (status.size > limitBytes) throw volumeError(what, `${path} has more than ${limitBytes} bytes`);
    const file = openSync(opened, constants.O_RDONLY);
    try {
      return readFileSync(file, "utf8");
    } finally {
      closeSync(file);
    }
  } finally {
    closeSync(handle);
  }
}
