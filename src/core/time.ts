const nanosPerMilli = 1_000_000n;

/**
 * A CRI timestamp (int64 nanoseconds since 1970) as a Date, cut to whole milliseconds. CRI writes "not yet" and
 * "unknown" as 0, which gives undefined.
 */
export function nanosToDate(nanos: bigint): Date | undefined {
  return nanos === 0n ? undefined : new Date(Number(nanos / nanosPerMilli));
}

/** A Date as a CRI timestamp: int64 nanoseconds since 1970. Throws RangeError for an invalid Date. */
export function dateToNanos(date: Date): bigint {
  const ms = date.getTime();
  if (Number.isNaN(ms)) throw new RangeError("cannot turn an invalid Date into nanoseconds");
  return BigInt(ms) * nanosPerMilli;
}

/** A duration in nanoseconds as milliseconds, with its fraction. */
export function nanosToMs(nanos: bigint): number {
  return Number(nanos / nanosPerMilli) + Number(nanos % nanosPerMilli) / 1e6;
}
