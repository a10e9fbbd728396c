// Where to continue the copy of a container's log. The copy is the only account of what was copied: its records are the entries of
// the engine's log, one for each, in the same order, with the same stream and time.
//
// A time alone is not a position: all pieces of a long line have the same time, and the times of stdout and stderr, which the
// engine logs concurrently, can be slightly out of order. But within one stream, entries with the same time follow each other. So
// if the last three records of stdout have the same time, the third entry of stdout with this time was copied last.
import { type LogCursor, type LogStream, readLogs } from "cri-sdk/logs";

/** The last record of a copy. */
interface LastRecord {
  readonly stream: LogStream;
  readonly timeNanos: bigint;
  /** How many records of the stream have this time. */
  readonly count: number;
}

/** How many lines from the end of a log are searched: more of them, and finally all, if these do not suffice. */
const tails = [300, 3_000, 30_000, 300_000, undefined];

/**
 * Returns where the engine's log continues after the last record of the copy; "copy_is_empty" if it has none, and "not_found" if the
 * engine's log does not contain it (any more).
 */
export async function findResume(
  engineLog: string,
  copy: string,
  signal: AbortSignal,
): Promise<LogCursor | "copy_is_empty" | "not_found"> {
  const last = await lastRecord(copy, signal);
  return last ? ((await cursorAfter(engineLog, last, signal)) ?? "not_found") : "copy_is_empty";
}

async function lastRecord(copy: string, signal: AbortSignal): Promise<LastRecord | undefined> {
  for (const tail of tails) {
    let lines = 0;
    let last: LastRecord | undefined;
    const latest = new Map<LogStream, LastRecord>();
    /** The streams of which a record with an earlier time was seen: all with the latest time were counted. */
    const counted = new Set<LogStream>();
    const records = readLogs(copy, { tail, includeRotated: true, maxLineBytes: 0, signal });
    for await (const { stream, timeNanos, continued } of records) {
      if (!continued) lines++;
      const before = latest.get(stream);
      const isSameTime = before?.timeNanos === timeNanos;
      if (before && !isSameTime) counted.add(stream);
      last = { stream, timeNanos, count: isSameTime ? before.count + 1 : 1 };
      latest.set(stream, last);
    }
    if (last === undefined || counted.has(last.stream) || isAll(lines, tail)) return last;
  }
  return undefined;
}

async function cursorAfter(
  engineLog: string,
  { stream, timeNanos, count }: LastRecord,
  signal: AbortSignal,
): Promise<LogCursor | undefined> {
  for (const tail of tails) {
    let lines = 0;
    let found = 0;
    let isCounted = false;
    let cursor: LogCursor | undefined;
    const reader = readLogs(engineLog, { tail, includeRotated: true, maxLineBytes: 0, signal });
    for await (const entry of reader) {
      if (!entry.continued) lines++;
      if (entry.stream !== stream) continue;
      const isSameTime = entry.timeNanos === timeNanos;
      if (!isSameTime) isCounted = true;
      found = isSameTime ? found + 1 : 0;
      if (found !== count) continue;
      if (isCounted) return reader.cursor;
      // Counted only if no entries precede the tail.
      cursor = reader.cursor;
    }
    if (isAll(lines, tail)) return cursor;
  }
  return undefined;
}

/** Whether a log has no lines before its last `tail` ones, of which `lines` were read. */
function isAll(lines: number, tail: number | undefined): boolean {
  return tail === undefined || lines < tail;
}
