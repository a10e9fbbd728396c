import type { LogCursorFile } from "../files/identity.js";
import type { Place, Position } from "../records/record-reader.js";
import { formatLogTime } from "../records/timestamp.js";

/** A place in a file of the log. */
export interface LogCursorPlace {
  readonly file: LogCursorFile;
  /** Bytes of the file before it; of a compressed file, bytes of what was compressed. */
  readonly offset: number;
}

/**
 * Where a reader is: after the entry that it gave last. Plain data, for JSON. It knows the file by device, inode and its first
 * bytes, so it finds it again after a rotation, compressed or copied.
 */
export interface LogCursor extends LogCursorPlace {
  /** The time of the last record, RFC 3339 in nanoseconds: where to go on when the file is gone. */
  readonly time?: string | undefined;
  /** Where the lines began of which only pieces were read: they are read again, and given when they end. */
  readonly open?:
    | { readonly stdout?: LogCursorPlace | undefined; readonly stderr?: LogCursorPlace | undefined }
    | undefined;
}

/** What a reader's user keeps of a position. One that has read no record yet has the time of the cursor that it began with. */
export function cursorOf({ open, nanos, ...place }: Position, from: LogCursor | undefined): LogCursor {
  const { stdout, stderr } = open;
  const time = nanos === undefined ? from?.time : formatLogTime(nanos);
  return {
    ...remember(place),
    ...(time !== undefined && { time }),
    ...((stdout || stderr) && {
      open: { ...(stdout && { stdout: remember(stdout) }), ...(stderr && { stderr: remember(stderr) }) },
    }),
  };
}

function remember({ file, offset }: Place): LogCursorPlace {
  return { file: file.remember(), offset };
}

/** What is wrong with a cursor that somebody brought; each with its path. */
export function checkCursor(cursor: unknown): readonly { readonly path: string; readonly message: string }[] {
  if (cursor === undefined) return [];
  const places: [path: string, place: unknown][] = [["from", cursor]];
  const { open, time } = fieldsOf(cursor);
  for (const stream of ["stdout", "stderr"])
    if (fieldsOf(open)[stream] !== undefined) places.push([`from.open.${stream}`, fieldsOf(open)[stream]]);
  const wrong = places.filter(([, place]) => !isPlace(place)).map(([path]) => path);
  const problems = wrong.map((path) => ({ path, message: "must be what LogReader.cursor gave" }));
  if (
    time !== undefined &&
    (typeof time !== "string" || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/.test(time))
  )
    problems.push({ path: "from.time", message: "must be what LogReader.cursor gave" });
  return problems;
}

function isPlace(value: unknown): boolean {
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
  // Whatever is an object may be asked for any field.
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
