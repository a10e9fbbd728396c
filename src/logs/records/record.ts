import { readDigits, readSecond } from "./time.js";

/** The stream that a container printed to. */
export type LogStream = "stdout" | "stderr";

const newline = 10;
const space = 32;
const dot = 46;
const colon = 58;
const tagFull = 70;
const tagPartial = 80;
const zulu = 90;
/** ` std`, `out ` and `err `, for comparisons of four bytes at a time. */
const std = littleEndian(" std");
const out = littleEndian("out ");
const err = littleEndian("err ");
/** How many nanoseconds the last digit of a fraction stands for, by the number of digits. */
const units = [1e9, 1e8, 1e7, 1e6, 1e5, 1e4, 1e3, 100, 10, 1];
const noBytes = Buffer.alloc(0);

/**
 * A record of a CRI log, `TIME STREAM TAGS CONTENT`, read by position and without creating strings. One object reads many
 * records: its fields describe the last one that was read. Four bytes at a time are read as one number, which is faster than
 * byte by byte.
 */
export class CriRecord {
  /** The memory that contains the record. All positions below are indices in it. */
  bytes: Buffer = noBytes;
  #view: DataView = viewOf(noBytes);
  /** Where the record begins. */
  at = 0;
  /** Where the content begins; 0 before a record was read. */
  contentAt = 0;
  /** Where the newline is that ends the record. Set by the parser. */
  end = 0;
  isStderr = false;
  /** Whether the record ends a line of the container: its first tag is `F`, not `P`. */
  endsLine = false;
  /** The record's time in whole seconds since 1970. */
  seconds = 0;
  /** The nanoseconds of the time, 0 to 999999999. */
  nanos = 0;
  /**
   * A cache: the text of the last parsed second, as five numbers, since most records have the same second as the one before. The
   * last two numbers overlap in one byte, and their initial values differ in it, so that no text matches at first.
   */
  #first = 0;
  #next = 0;
  #third = 0;
  #fourth = 0;
  #last = 1;
  #second = Number.NaN;
  /** Parts of the header that is being read. */
  #fraction = 0;
  #eastOfUtc = 0;

  /** The time in nanoseconds since 1970. */
  get timeNanos(): bigint {
    return BigInt(this.seconds) * 1_000_000_000n + BigInt(this.nanos);
  }

  /**
   * Reads the header of the record at `at`. There must be a newline at `at` or later. Returns false for bytes that are not a
   * header, and keeps all fields but `bytes`.
   */
  readHeader(bytes: Buffer, at: number): boolean {
    if (bytes !== this.bytes) {
      this.bytes = bytes;
      this.#view = viewOf(bytes);
    }
    const view = this.#view;
    if (at + 20 > bytes.length || !this.#readSecond(view, bytes, at)) return false;
    const zone = this.#readFraction(view, bytes, at + 19);
    if (zone < 0) return false;
    this.#eastOfUtc = 0;
    const next = bytes[zone] === zulu ? zone + 1 : this.#readOffset(bytes, zone);
    if (next < 0 || next + 10 > bytes.length || view.getInt32(next, true) !== std) return false;
    const stream = view.getInt32(next + 4, true);
    if (stream !== out && stream !== err) return false;
    const tag = bytes[next + 8];
    if (tag !== tagFull && tag !== tagPartial) return false;
    const contentAt = bytes[next + 9] === space ? next + 10 : afterOtherTags(bytes, next + 9);
    if (contentAt < 0) return false;
    this.at = at;
    this.seconds = this.#second - this.#eastOfUtc;
    this.nanos = this.#fraction;
    this.isStderr = stream === err;
    this.endsLine = tag === tagFull;
    this.contentAt = contentAt;
    return true;
  }

  #readSecond(view: DataView, bytes: Buffer, at: number): boolean {
    const isSameSecond =
      view.getInt32(at + 15, true) === this.#last &&
      view.getInt32(at + 12, true) === this.#fourth &&
      view.getInt32(at + 8, true) === this.#third &&
      view.getInt32(at + 4, true) === this.#next &&
      view.getInt32(at, true) === this.#first;
    if (isSameSecond) return true;
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

  /** Reads `.085175260`, or no fraction. Returns the position after it, or -1. */
  #readFraction(view: DataView, bytes: Buffer, at: number): number {
    this.#fraction = 0;
    if (bytes[at] !== dot) return at;
    const first = at + 1;
    // Runtimes write nine digits, except for trailing zeros in some.
    if (first + 10 <= bytes.length && bytes[first + 9] === zulu) {
      const high = fourDigits(view.getInt32(first, true));
      const low = fourDigits(view.getInt32(first + 4, true));
      const ninth = (bytes[first + 8] ?? 0) - 48;
      if (high >= 0 && low >= 0 && ninth >= 0 && ninth <= 9) {
        this.#fraction = high * 100_000 + low * 10 + ninth;
        return first + 9;
      }
    }
    let next = first;
    let nanos = 0;
    let digit = (bytes[next] ?? 0) - 48;
    for (; digit >= 0 && digit <= 9; digit = (bytes[++next] ?? 0) - 48)
      if (next - first < 9) nanos = nanos * 10 + digit;
    if (next === first) return -1;
    this.#fraction = nanos * (units[Math.min(next - first, 9)] ?? 0);
    return next;
  }

  /** Reads `+05:30`. Returns the position after it, or -1. */
  #readOffset(bytes: Buffer, at: number): number {
    const isEast = bytes[at] === 43;
    if (!isEast && bytes[at] !== 45) return -1;
    const hours = readDigits(bytes, at + 1, 2);
    const minutes = readDigits(bytes, at + 4, 2);
    if (!(hours < 24 && minutes < 60) || bytes[at + 3] !== colon) return -1;
    const offset = hours * 3_600 + minutes * 60;
    this.#eastOfUtc = isEast ? offset : -offset;
    return at + 6;
  }
}

/** Skips the tags that a later version of CRI may add after the first, `:tag:tag `. Returns the position after them, or -1. */
function afterOtherTags(bytes: Buffer, at: number): number {
  if (bytes[at] !== colon) return -1;
  let next = at + 1;
  while (bytes[next] !== space) {
    if (next >= bytes.length || bytes[next] === newline) return -1;
    next++;
  }
  return next + 1;
}

/** The value of four decimal digits that were read as one little-endian number; -1 for other bytes. */
function fourDigits(word: number): number {
  const isDigits = (word & 0xf0f0f0f0) === 0x30303030 && ((word + 0x06060606) & 0xf0f0f0f0) === 0x30303030;
  if (!isDigits) return -1;
  const pairs = Math.imul(word & 0x000f000f, 10) + ((word >>> 8) & 0x000f000f);
  return (pairs & 0xff) * 100 + (pairs >>> 16);
}

function littleEndian(fourLetters: string): number {
  return Buffer.from(fourLetters).readInt32LE();
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
