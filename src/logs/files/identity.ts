import { createHash } from "node:crypto";

/** The first bytes of a file: a time in nanoseconds is in them, so two log files hardly begin alike. */
export const headBytes = 256;

/** A file as a {@link LogCursor} remembers it. */
export interface LogCursorFile {
  /** Device and inode, in decimal. */
  readonly dev: string;
  readonly ino: string;
  /** How many bytes of its beginning are in `head`. */
  readonly headBytes: number;
  /** SHA-256 of those bytes, in hexadecimal, cut to 32 digits. */
  readonly head: string;
}

/** Which file it is, under whatever name: device and inode, and how it begins, for inodes are used again. */
export class LogFileIdentity {
  readonly dev: string;
  readonly ino: string;
  #head: Buffer;
  #remembered: LogCursorFile | undefined;

  constructor(dev: bigint, ino: bigint, head: Buffer) {
    this.dev = String(dev);
    this.ino = String(ino);
    this.#head = Buffer.from(head);
  }

  /** Device and inode in one. */
  get key(): string {
    return `${this.dev}:${this.ino}`;
  }

  /** Tells of bytes that were read, since a file may be shorter than a head when it is opened. */
  note(bytes: Buffer, offset: number): void {
    const known = this.#head.length;
    if (known >= headBytes || offset > known || offset + bytes.length <= known) return;
    this.#head = Buffer.concat([this.#head, bytes.subarray(known - offset, headBytes - offset)]);
    this.#remembered = undefined;
  }

  /** Whether a file that begins with `head` may be this one, grown. */
  beginsLike(head: Buffer): boolean {
    return head.length >= this.#head.length && head.subarray(0, this.#head.length).equals(this.#head);
  }

  /** Whether this may be the same file as another, later. */
  isGrownFrom(other: LogFileIdentity): boolean {
    return this.key === other.key && other.beginsLike(this.#head);
  }

  /** Whether another file begins in the same way; never for two that are empty. */
  isLike(other: LogFileIdentity): boolean {
    return this.#head.length > 0 && this.#head.equals(other.#head);
  }

  /** How a cursor remembers it: by all that is known of its head, also when the cursor's place is before the end of that. */
  remember(): LogCursorFile {
    this.#remembered ??= {
      dev: this.dev,
      ino: this.ino,
      headBytes: this.#head.length,
      head: hash(this.#head),
    };
    return this.#remembered;
  }

  /** Whether this is the file that a cursor remembers; `byHead` also when it was copied or compressed. */
  is(file: LogCursorFile, byHead: boolean): boolean {
    if (this.#head.length < file.headBytes) return false;
    if (hash(this.#head.subarray(0, file.headBytes)) !== file.head) return false;
    return byHead ? file.headBytes > 0 : this.dev === file.dev && this.ino === file.ino;
  }
}

function hash(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex").slice(0, 32);
}
