import type { LogStream, RecordHeader } from "./header.js";

/** A time in two numbers, which compare faster than a bigint. */
export interface Instant {
  /** Whole seconds since 1970. */
  readonly seconds: number;
  /** From 0 to 999999999. */
  readonly nanos: number;
}

/** Which records are wanted. */
export class RecordFilter {
  /** Whether a record at or after `until` was seen: later ones are, too. */
  isPast = false;
  /** Whether times matter at all. */
  isTimed: boolean;
  /** Whether there is an `until`. */
  readonly isBounded: boolean;
  readonly #stream: LogStream | undefined;
  /** What was asked for; what counts may be later for a while. */
  readonly #asked: Instant | undefined;
  #since: Instant | undefined;
  readonly #until: Instant | undefined;

  /** Times are in nanoseconds since 1970. */
  constructor(stream: LogStream | undefined, since: bigint | undefined, until: bigint | undefined) {
    this.#stream = stream;
    this.#asked = since === undefined ? undefined : instantOf(since);
    this.#since = this.#asked;
    this.#until = until === undefined ? undefined : instantOf(until);
    this.isBounded = until !== undefined;
    this.isTimed = since !== undefined || until !== undefined;
  }

  wantsStream(isStderr: boolean): boolean {
    return this.#stream === undefined || (this.#stream === "stderr") === isStderr;
  }

  /** Whether a record is at or after `since`, and before `until`. */
  wantsTime(header: RecordHeader): boolean {
    if (this.#until && !isBefore(header, this.#until)) {
      this.isPast = true;
      return false;
    }
    return this.#since === undefined || !isBefore(header, this.#since);
  }

  /** From now on records before `instant` are not wanted, besides those that never were; undefined: all others are, again. */
  notBefore(instant: Instant | undefined): void {
    const asked = this.#asked;
    this.#since = asked && instant && isBefore(instant, asked) ? asked : (instant ?? asked);
    this.isTimed = this.#since !== undefined || this.isBounded;
  }
}

export function instantOf(nanos: bigint): Instant {
  const fraction = ((nanos % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return { seconds: Number((nanos - fraction) / 1_000_000_000n), nanos: Number(fraction) };
}

function isBefore(one: Instant, other: Instant): boolean {
  return one.seconds < other.seconds || (one.seconds === other.seconds && one.nanos < other.nanos);
}
