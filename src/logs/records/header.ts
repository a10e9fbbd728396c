import { number, readSecond } from "./timestamp.js";

/** The stream that a container printed to. */
export type LogStream = "stdout" | "stderr";

const space = 32;
const dot = 46;
const zulu = 90;
const colon = 58;
const newline = 10;
/** ` std`, `out `, `err `: four bytes at a time are compared as one number. */
const std = word(" std");
const out = word("out ");
const err = word("err ");
/** What the last digit of a fraction of so many digits counts, in nanoseconds. */
const units = [1e9, 1e8, 1e7, 1e6, 1e5, 1e4, 1e3, 100, 10, 1];
const noBytes = new Uint8Array(0);

/**
 * Reads what stands before the content of a CRI record, `TIME STREAM TAGS `, by position and without making a string. One of
 * them reads many records: what it found is in its fields until the next `read`.
 */
export class RecordHeader {
  /** Where the content begins; 0 before anything was read. */
  contentAt = 0;
  /** Where the stream begins; the tags are 7 bytes after that. */
  streamAt = 0;
  isStderr = false;
  /** Whether the line ends with this record: the first tag is `F`, not `P`. */
  endsLine = false;
  /** Whole seconds of the time since 1970. */
  seconds = 0;
  /** Nanoseconds of the time, beside the seconds. */
  nanos = 0;
  #bytes: Uint8Array = noBytes;
  #view: DataView = new DataView(noBytes.buffer);
  /** The second that was read last, as five numbers of which the last two overlap. Most records have the one before's. */
  #first = 0;
  #next = 0;
  #third = 0;
  #fourth = 0;
  #last = 0;
  #second = Number.NaN;
  /** Of the header that is being read. */
  #fraction = 0;
  #east = 0;

  /** Reads a header. Gives false for what is none, and leaves all fields as they were. The bytes must have a newline at or after `at`. */
  read(bytes: Uint8Array, at: number): boolean {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    const view = this.#view;
    if (at + 20 > bytes.length || !this.#readSecond(view, bytes, at)) return false;
    const zone = this.#readFraction(bytes, at + 19);
    if (zone < 0) return false;
    this.#east = 0;
    const next = bytes[zone] === zulu ? zone + 1 : this.#readOffset(bytes, zone);
    if (next < 0 || next + 10 > bytes.length || view.getInt32(next, true) !== std) return false;
    const stream = view.getInt32(next + 4, true);
    if (stream !== out && stream !== err) return false;
    const tag = bytes[next + 8];
    if (tag !== 70 && tag !== 80) return false;
    const contentAt = bytes[next + 9] === space ? next + 10 : this.#afterOtherTags(bytes, next + 9);
    if (contentAt < 0) return false;
    this.seconds = this.#second - this.#east;
    this.nanos = this.#fraction;
    this.streamAt = next + 1;
    this.isStderr = stream === err;
    this.endsLine = tag === 70;
    this.contentAt = contentAt;
    return true;
  }

  /** The time in nanoseconds since 1970. */
  get timeNanos(): bigint {
    return BigInt(this.seconds) * 1_000_000_000n + BigInt(this.nanos);
  }

  #isSameSecond(view: DataView, at: number): boolean {
    return (
      view.getInt32(at + 15, true) === this.#last &&
      view.getInt32(at + 12, true) === this.#fourth &&
      view.getInt32(at + 8, true) === this.#third &&
      view.getInt32(at + 4, true) === this.#next &&
      view.getInt32(at, true) === this.#first
    );
  }

  #readSecond(view: DataView, bytes: Uint8Array, at: number): boolean {
    if (this.#isSameSecond(view, at)) return true;
    const second = readSecond(bytes, at);
    if (Number.isNaN(second)) return false;
    this.#second = second;
    this.#first = view.getInt32(at, true);
    this.#next = view.getInt32(at + 4, true);
    this.#third = view.getInt32(at + 8, true);
    this.#fourth = view.getInt32(at + 12, true);
    this.#last = view.getInt32(at + 15, true);
    return true;
  }

  /** `.085175260`, or nothing; gives the place after it, or -1. */
  #readFraction(bytes: Uint8Array, at: number): number {
    this.#fraction = 0;
    if (bytes[at] !== dot) return at;
    const first = at + 1;
    let next = first;
    let nanos = 0;
    let digit = (bytes[next] ?? 0) - 48;
    for (; digit >= 0 && digit <= 9; digit = (bytes[++next] ?? 0) - 48)
      if (next - first < 9) nanos = nanos * 10 + digit;
    if (next === first) return -1;
    this.#fraction = nanos * (units[Math.min(next - first, 9)] ?? 0);
    return next;
  }

  /** `+05:30`; gives the place after it, or -1. */
  #readOffset(bytes: Uint8Array, at: number): number {
    const isEast = bytes[at] === 43;
    if (!isEast && bytes[at] !== 45) return -1;
    const hours = number(bytes, at + 1, 2);
    const minutes = number(bytes, at + 4, 2);
    if (!(hours < 24 && minutes < 60) || bytes[at + 3] !== colon) return -1;
    const offset = hours * 3_600 + minutes * 60;
    this.#east = isEast ? offset : -offset;
    return at + 6;
  }

  /** What may follow the first tag after a colon is for later versions of CRI, and is passed over; gives the place after it, or -1. */
  #afterOtherTags(bytes: Uint8Array, at: number): number {
    if (bytes[at] !== colon) return -1;
    let next = at + 1;
    while (bytes[next] !== space) {
      if (next >= bytes.length || bytes[next] === newline) return -1;
      next++;
    }
    return next + 1;
  }
}

function word(text: string): number {
  return Buffer.from(text).readInt32LE();
}
