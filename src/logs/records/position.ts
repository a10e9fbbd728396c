import type { LogCursorFile, LogFileIdentity } from "../files/identity.js";
import { formatLogTime } from "./time.js";

/** A position in a file of a log. */
export interface FilePosition {
  readonly file: LogFileIdentity;
  /** In bytes; in a compressed file, in bytes of the uncompressed content. */
  readonly offset: number;
}

/** The start positions of open lines: a piece of the line was read, but not its end. */
export interface OpenLines {
  readonly stdout?: FilePosition | undefined;
  readonly stderr?: FilePosition | undefined;
}

export const noOpenLines: OpenLines = Object.freeze({});

/** The position of a reader, with everything that is needed to continue there. */
export interface ReadPosition extends FilePosition {
  readonly open: OpenLines;
  /** The time of the last record, in nanoseconds since 1970. */
  readonly nanos: bigint | undefined;
}

/** A position in a file of the log. */
export interface LogCursorPosition {
  /** The file. */
  readonly file: LogCursorFile;
  /** In bytes; in a compressed file, in bytes of the uncompressed content. */
  readonly offset: number;
}

/**
 * Where a reader is: after the last entry that it returned. Plain data, for JSON. The file is identified by device, inode and
 * its first bytes, so it is found again after a rotation, compressed or copied.
 */
export interface LogCursor extends LogCursorPosition {
  /** The time of the last record, RFC 3339 with nanoseconds: where to continue when the file was deleted. */
  readonly time?: string | undefined;
  /** The start positions of lines whose end was not read yet. These lines are read again from there, and returned when they end. */
  readonly open?:
    | {
        /** The start of the open line of stdout. */
        readonly stdout?: LogCursorPosition | undefined;
        /** The start of the open line of stderr. */
        readonly stderr?: LogCursorPosition | undefined;
      }
    | undefined;
}

/**
 * Converts a position to a cursor. Before the first record, its time is the time of `from`, the cursor with which the reader began.
 */
export function cursorOf({ open, nanos, ...position }: ReadPosition, from: LogCursor | undefined): LogCursor {
  const { stdout, stderr } = open;
  const time = nanos === undefined ? from?.time : formatLogTime(nanos);
  return {
    ...serialized(position),
    ...(time !== undefined && { time }),
    ...((stdout || stderr) && {
      open: { ...(stdout && { stdout: serialized(stdout) }), ...(stderr && { stderr: serialized(stderr) }) },
    }),
  };
}

function serialized({ file, offset }: FilePosition): LogCursorPosition {
  return { file: file.serialize(), offset };
}

/** Returns the paths of a cursor's fields, from `from` on, that have other values than `LogReader.cursor` returns. */
export function invalidCursorFields(cursor: unknown): readonly string[] {
  if (cursor === undefined) return [];
  const { open, time } = fieldsOf(cursor);
  const invalid = isPosition(cursor) ? [] : ["from"];
  for (const stream of ["stdout", "stderr"]) {
    const position = fieldsOf(open)[stream];
    if (position !== undefined && !isPosition(position)) invalid.push(`from.open.${stream}`);
  }
  const isTime = typeof time === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/.test(time);
  if (time !== undefined && !isTime) invalid.push("from.time");
  return invalid;
}

function isPosition(value: unknown): boolean {
  const { file, offset } = fieldsOf(value);
  const { dev, ino, headBytes, head } = fieldsOf(file);
  const isCount = (count: unknown) => Number.isSafeInteger(count) && Number(count) >= 0;
  return (
    isCount(offset) &&
    isCount(headBytes) &&
    [dev, ino, head].every((text) => typeof text === "string" && text !== "")
  );
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  // Safe for any object: a field that it does not have is undefined.
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
