// Numbers and times as text.
import type { ExitRow } from "../messages.js";

const byteUnits = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** Three digits and a unit: 38.4 MiB. */
export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  let amount = value;
  let unit = 0;
  while (amount >= 1_000 && unit < byteUnits.length - 1) {
    amount /= 1_024;
    unit++;
  }
  const digits = unit === 0 || amount >= 100 ? 0 : amount >= 10 ? 1 : 2;
  return `${amount.toFixed(digits)} ${byteUnits[unit]}`;
}

/** Cores with two decimals, and three below 0.1. */
export function cores(milliCores: number | null | undefined): string {
  if (milliCores === null || milliCores === undefined) return "–";
  const digits = milliCores === 0 ? 0 : milliCores < 100 ? 3 : 2;
  return (milliCores / 1_000).toFixed(digits);
}

/** A time span in its largest unit: 12 s, 4 min, 3 h, 5 d. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

export function ago(at: number | undefined, now: number): string {
  return at === undefined ? "" : `${span(now - at)} ago`;
}

const clockFormat = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});

/** The time of day on this machine: 14:03:09. */
export function clock(at: number): string {
  return clockFormat.format(at);
}

/** The date and the time of day on this machine. */
export function dateAndClock(at: number): string {
  const date = new Date(at);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clock(at)}`;
}

/** How a container ended, in one line. */
export function exitSummary({ exitCode, signal, reason, oomKilled, text }: ExitRow): string {
  const code = signal === undefined ? `exit code ${exitCode}` : `exit code ${exitCode}, ${signal}`;
  const how = oomKilled ? "out of memory" : exitCode === 0 ? "" : text;
  const words = [reason || (exitCode === 0 ? "Completed" : "Error"), how].filter(Boolean).join(": ");
  return `${words} (${code})`;
}

export function count(value: number, one: string, many = `${one}s`): string {
  return `${value} ${value === 1 ? one : many}`;
}

/** The beginning of an id, as crictl prints it. */
export function shortId(id: string): string {
  return id.replace(/^sha256:/, "").slice(0, 13);
}
