import type { Blocks } from "./blocks.js";
import { GzipLogFile } from "./gzip-file.js";
import type { LogFileIdentity } from "./identity.js";
import { PlainLogFile } from "./plain-file.js";
import type { ListedFile } from "./rotated.js";

/** A block of a file. */
export interface Chunk {
  readonly bytes: Buffer;
  /** Where it begins in the file. */
  readonly offset: number;
  /** How many bytes before it in memory may be written over. */
  readonly room: number;
}

/** An open log file. */
export interface LogFile {
  readonly path: string;
  readonly compressed: boolean;
  readonly identity: LogFileIdentity;
  /** Where its last so many bytes begin; 0 for a compressed file, which can only be read from its beginning. */
  lastBytesAt(bytes: number): Promise<number>;
  /** What lies after `from`, as far as it is there now. Of a plain file, in these blocks. */
  chunks(from: number, blocks: Blocks): AsyncGenerator<Chunk, void, undefined>;
  /** Whether the file was cut, and begins anew: what was read up to `offset` is not in it any more. */
  isRestarted(offset: number): Promise<boolean>;
  close(): Promise<void>;
}

/** Opens a file. Rejects with Node's error. */
export function openLogFile({ path, compressed }: ListedFile): Promise<LogFile> {
  return compressed ? GzipLogFile.open(path) : PlainLogFile.open(path);
}
