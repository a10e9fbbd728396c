import { createReadStream, createWriteStream } from "node:fs";
import { link, rename, rm } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { rotatedLogs } from "../files/rotated.js";

/** Renames logs away, as the kubelet names them. */
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

  /** Gives the file at the path another name, and gives that name; undefined when somebody took the file away before. */
  async moveAway(): Promise<string | undefined> {
    // The names have whole seconds. When there is more than one rotation in a second, their times run ahead: what matters is order.
    for (let ms = Math.max(Date.now(), this.#lastMs + 1_000); ; ms += 1_000) {
      const name = `${this.#path}.${suffixOf(new Date(ms))}`;
      try {
        // Not renamed over another: a link fails where there is one.
        await link(this.#path, name);
      } catch (error) {
        if (isOneOf(error, ["EEXIST"])) continue;
        if (isOneOf(error, ["ENOENT"])) return undefined;
        if (!isOneOf(error, linkless)) throw error;
        await rename(this.#path, name);
        this.#lastMs = ms;
        return name;
      }
      await rm(this.#path, { force: true });
      this.#lastMs = ms;
      return name;
    }
  }

  /** Compresses all rotated files but the newest, and removes those that are too many. */
  async tidy(): Promise<void> {
    const rotated = await rotatedLogs(this.#path);
    const kept = Math.max(0, this.#maxFiles - 1);
    const tooMany = rotated.slice(0, Math.max(0, rotated.length - kept));
    for (const { path } of tooMany) await rm(path, { force: true });
    if (!this.#compress) return;
    for (const { path, compressed } of rotated.slice(tooMany.length, -1))
      if (!compressed) await compress(path);
  }
}

async function compress(path: string): Promise<void> {
  const unfinished = `${path}.tmp`;
  try {
    await pipeline(createReadStream(path), createGzip(), createWriteStream(unfinished, { mode: 0o640 }));
    await rename(unfinished, `${path}.gz`);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
  await rm(path, { force: true });
}

/** `YYYYMMDD-HHMMSS` in local time. */
function suffixOf(time: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${time.getFullYear()}${two(time.getMonth() + 1)}${two(time.getDate())}`;
  return `${day}-${two(time.getHours())}${two(time.getMinutes())}${two(time.getSeconds())}`;
}

/** What file systems say that have no links. */
const linkless = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"];

function isOneOf(error: unknown, codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}
