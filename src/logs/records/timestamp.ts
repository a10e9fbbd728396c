const dash = 45;
const colon = 58;

/**
 * The whole second at the beginning of an RFC 3339 time (`2026-11-23T10:05:03`, 19 bytes) as seconds since 1970, before any
 * offset from UTC. NaN for bytes that are no such time, or a day that no calendar has.
 */
export function readSecond(bytes: Uint8Array, at: number): number {
  const year = number(bytes, at, 4);
  const month = number(bytes, at + 5, 2);
  const day = number(bytes, at + 8, 2);
  const hour = number(bytes, at + 11, 2);
  const minute = number(bytes, at + 14, 2);
  const second = number(bytes, at + 17, 2);
  const punctuated =
    bytes[at + 4] === dash &&
    bytes[at + 7] === dash &&
    bytes[at + 10] === 84 &&
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
  if (!punctuated || !exists) return Number.NaN;
  return daysBefore(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
}

/** A number of so many decimal digits; NaN where there are others. */
export function number(bytes: Uint8Array, at: number, digits: number): number {
  let value = 0;
  for (let index = at; index < at + digits; index++) {
    const digit = (bytes[index] ?? 0) - 48;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}

/** Nanoseconds since 1970 as RFC 3339 in UTC with nine digits of a second: `2026-11-23T10:05:03.085175260Z`. */
export function formatLogTime(nanos: bigint): string {
  const fraction = ((nanos % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  const second = new Date(Number((nanos - fraction) / 1_000_000n)).toISOString().slice(0, 19);
  return `${second}.${String(fraction).padStart(9, "0")}Z`;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Days from 1970-01-01. The year is taken to begin in March, so that a leap day is the last of one. */
function daysBefore(year: number, month: number, day: number): number {
  const years = month <= 2 ? year - 1 : year;
  const months = (month + 9) % 12;
  const leapDays = Math.floor(years / 4) - Math.floor(years / 100) + Math.floor(years / 400);
  // 719468 days lie between 0000-03-01 and 1970-01-01.
  return years * 365 + leapDays + Math.floor((months * 153 + 2) / 5) + day - 1 - 719_468;
}
