const dash = 45;
const colon = 58;
const letterT = 84;
const nanosPerSecond = 1_000_000_000n;

/** A time in two numbers, which are cheaper to compare than a bigint. */
export interface Instant {
  /** Whole seconds since 1970. */
  readonly seconds: number;
  /** 0 to 999999999. */
  readonly nanos: number;
}

/** Converts nanoseconds since 1970 to an {@link Instant}. */
export function instantOf(nanos: bigint): Instant {
  const fraction = fractionOf(nanos);
  return { seconds: Number((nanos - fraction) / nanosPerSecond), nanos: Number(fraction) };
}

/** The range of times of the selected records: at or after `since`, and before `until`. */
export class TimeRange {
  /** Whether a record at or after `until` was seen. Later records are outside the range, too. */
  isPast = false;
  /** Whether the range excludes anything. */
  isLimited: boolean;
  /** Whether the range has an `until`. */
  readonly hasEnd: boolean;
  readonly #requestedSince: Instant | undefined;
  /** May be later than the requested time for a while: see {@link startFrom}. */
  #since: Instant | undefined;
  readonly #until: Instant | undefined;

  /** Both times are in nanoseconds since 1970. */
  constructor(since: bigint | undefined, until: bigint | undefined) {
    this.#requestedSince = since === undefined ? undefined : instantOf(since);
    this.#since = this.#requestedSince;
    this.#until = until === undefined ? undefined : instantOf(until);
    this.hasEnd = until !== undefined;
    this.isLimited = since !== undefined || until !== undefined;
  }

  /** Returns whether a time is in the range. Sets {@link isPast} for a time at or after `until`. */
  includes(time: Instant): boolean {
    if (this.#until && !isBefore(time, this.#until)) {
      this.isPast = true;
      return false;
    }
    return this.#since === undefined || !isBefore(time, this.#since);
  }

  /** Excludes records before `instant`, in addition to those before `since`. `undefined` restores the requested range. */
  startFrom(instant: Instant | undefined): void {
    const requested = this.#requestedSince;
    this.#since = requested && instant && isBefore(instant, requested) ? requested : (instant ?? requested);
    this.isLimited = this.#since !== undefined || this.hasEnd;
  }
}

/**
 * Reads the whole second at the beginning of an RFC 3339 time (`2026-11-23T10:05:03`, 19 bytes) as seconds since 1970, without
 * regard to any offset from UTC. Returns NaN for other bytes and for days that do not exist.
 */
export function readSecond(bytes: Uint8Array, at: number): number {
  const year = readDigits(bytes, at, 4);
  const month = readDigits(bytes, at + 5, 2);
  const day = readDigits(bytes, at + 8, 2);
  const hour = readDigits(bytes, at + 11, 2);
  const minute = readDigits(bytes, at + 14, 2);
  const second = readDigits(bytes, at + 17, 2);
  const isPunctuated =
    bytes[at + 4] === dash &&
    bytes[at + 7] === dash &&
    bytes[at + 10] === letterT &&
    bytes[at + 13] === colon &&
    bytes[at + 16] === colon;
  const exists =
    month >= 1 &&
    month <= 12 &&
    day >= 1 &&
    day <= daysIn(year, month) &&
    hour < 24 &&
    minute < 60 &&
    second < 60;
  if (!isPunctuated || !exists) return Number.NaN;
  return daysBefore(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
}

/** Reads a number of exactly `count` decimal digits. Returns NaN for other bytes. */
export function readDigits(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let index = at; index < at + count; index++) {
    const digit = (bytes[index] ?? 0) - 48;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}

/** A cache: the second that was formatted last, since most records have the same second as the one before. */
let lastSecond = { nanos: 0n, text: "1970-01-01T00:00:00" };

/** Formats nanoseconds since 1970 as RFC 3339 in UTC with nine digits of a second: `2026-11-23T10:05:03.085175260Z`. */
export function formatLogTime(nanos: bigint): string {
  const fraction = fractionOf(nanos);
  const second = nanos - fraction;
  if (second !== lastSecond.nanos)
    lastSecond = { nanos: second, text: new Date(Number(second / 1_000_000n)).toISOString().slice(0, 19) };
  return `${lastSecond.text}.${String(fraction).padStart(9, "0")}Z`;
}

function fractionOf(nanos: bigint): bigint {
  return ((nanos % nanosPerSecond) + nanosPerSecond) % nanosPerSecond;
}

function isBefore(one: Instant, other: Instant): boolean {
  return one.seconds < other.seconds || (one.seconds === other.seconds && one.nanos < other.nanos);
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Returns the days since 1970-01-01. Counts years from March, so that a leap day is the last day of its year. */
function daysBefore(year: number, month: number, day: number): number {
  const years = month <= 2 ? year - 1 : year;
  const months = (month + 9) % 12;
  const leapDays = Math.floor(years / 4) - Math.floor(years / 100) + Math.floor(years / 400);
  // There are 719468 days between 0000-03-01 and 1970-01-01.
  return years * 365 + leapDays + Math.floor((months * 153 + 2) / 5) + day - 1 - 719_468;
}
