import { checkArgument } from "./arguments.js";
import { option } from "./option-checks.js";

const nanosPerMilli = 1_000_000n;

/**
 * Converts a CRI timestamp (int64 nanoseconds since 1970) to a Date, truncated to whole milliseconds. Returns undefined for 0,
 * which CRI uses for "not yet" and "unknown". Throws `invalid_option` for anything but a bigint.
 */
export function nanosToDate(nanos: bigint): Date | undefined {
  checkArgument("nanosToDate", "nanos", nanos, option.bigint);
  return nanos === 0n ? undefined : new Date(Number(nanos / nanosPerMilli));
}

/** Converts a Date to a CRI timestamp: int64 nanoseconds since 1970. Throws `invalid_option` for an invalid Date. */
export function dateToNanos(date: Date): bigint {
  checkArgument("dateToNanos", "date", date, option.date);
  return BigInt(date.getTime()) * nanosPerMilli;
}

/** Converts a duration from nanoseconds to milliseconds, with the fraction. Throws `invalid_option` for anything but a bigint. */
export function nanosToMs(nanos: bigint): number {
  checkArgument("nanosToMs", "nanos", nanos, option.bigint);
  return Number(nanos / nanosPerMilli) + Number(nanos % nanosPerMilli) / 1e6;
}
