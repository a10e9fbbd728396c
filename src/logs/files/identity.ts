import { createHash } from "node:crypto";

/** How many bytes of a file's beginning identify it. They contain a time in nanoseconds, so two logs rarely begin alike. */
export const headBytes = 256;

/** How a {@link LogCursor} identifies a file. */
export interface LogCursorFile {
  /** The device, in decimal. */
  readonly dev: string;
  /** The inode, in decimal. */
  readonly ino: string;
  /** How many bytes of the file's beginning are hashed in `head`. */
  readonly headBytes: number;
  /** The SHA-256 of those bytes, the first 32 hexadecimal digits. */
  readonly head: string;
}

/** The identity of a file under any name: device and inode, and its first bytes, because inodes are reused. */
export class LogFileIdentity {
  readonly dev: string;
  readonly ino: string;
  #head: Buffer;
  #serialized: LogCursorFile | undefined;

  constructor(dev: bigint, ino: bigint, head: Buffer) {
    this.dev = String(dev);
    this.ino = String(ino);
    this.#head = Buffer.from(head);
  }

  /** Device and inode as one string. */
  get key(): string {
    return `${this.dev}:${this.ino}`;
  }

  /** Adds bytes that were read at `offset`: a file may be shorter than a head when it is opened. */
  extend(bytes: Buffer, offset: number): void {
    const known = this.#head.length;
    if (known >= headBytes || offset > known || offset + bytes.length <= known) return;
    this.#head = Buffer.concat([this.#head, bytes.subarray(known - offset, headBytes - offset)]);
    this.#serialized = undefined;
  }

  /** Returns whether a file that begins with `head` may be this one, grown. */
  isPrefixOf(head: Buffer): boolean {
    return head.length >= this.#head.length && head.subarray(0, this.#head.length).equals(this.#head);
  }

  /** Returns whether this may be the same file as `other`, at a later time. */
  isGrownFrom(other: LogFileIdentity): boolean {
    return this.key === other.key && other.isPrefixOf(this.#head);
  }

  /** Returns whether both files begin with the same bytes; false for empty files. */
  hasSameHead(other: LogFileIdentity): boolean {
    return this.#head.length > 0 && this.#head.equals(other.#head);
  }

  /**
   * Returns the identity for a cursor. Includes all known bytes of the head, also when the cursor's position is before their
   * end.
   */
  serialize(): LogCursorFile {
    this.#serialized ??= {
      dev: this.dev,
      ino: this.ino,
      headBytes: this.#head.length,
      head: hash(this.#head),
    };
    return this.#serialized;
  }

  /** Returns whether a cursor refers to this file. With `byHead` it may have been copied or compressed since. */
  matches(file: LogCursorFile, byHead: boolean): boolean {
    if (this.#head.length < file.headBytes) return false;
    if (hash(this.#head.subarray(0, file.headBytes)) !== file.head) return false;
    return byHead ? file.headBytes > 0 : this.dev === file.dev && this.ino === file.ino;
  }
}

function hash(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex").slice(0, 32);
}
