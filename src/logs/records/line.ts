import { CriError, describe } from "../../core/index.js";
import { readDockerLine } from "./docker-line.js";
import { type LogStream, RecordHeader } from "./header.js";

/** One line of a log file: a whole line of the container's output, or a piece of one. */
export interface LogLine {
  /** Which grammar the line is in: CRI's, or one JSON object a line as Docker's json-file driver writes. */
  readonly format: "cri" | "docker";
  /** The time as it is written: RFC 3339, up to nanoseconds, in any zone. */
  readonly timestamp: string;
  /** The same in nanoseconds since 1970. */
  readonly timeNanos: bigint;
  readonly stream: LogStream;
  /** The tags: `P` or `F`, and any others that a later version of CRI may add. Of Docker's lines the first only. */
  readonly tags: readonly [first: "P" | "F", ...others: readonly string[]];
  /** What the container printed, without the newline that ended it. Any bytes but a newline. */
  readonly content: Buffer;
}

const newline = 10;

/**
 * Reads one line of a log file, in CRI's grammar or in Docker's, with its newline at the end or without it.
 *
 * @throws {CriError} `invalid_argument`, reason `invalid_file`, for bytes that are neither.
 */
export function parseLogLine(line: Uint8Array | string): LogLine {
  const given = typeof line === "string" ? Buffer.from(line) : line;
  const bytes = Buffer.from(given.buffer, given.byteOffset, given.byteLength);
  const found = bytes.indexOf(newline);
  const end = found < 0 ? bytes.length : found;
  if (end < bytes.length - 1) throw unreadable(bytes, "is more than one line");
  if (bytes[0] === 0x7b) {
    const docker = readDockerLine(bytes.subarray(0, end));
    if (docker) return docker;
    throw unreadable(bytes, "is no line of Docker's JSON: an object with log, stream and time");
  }
  const header = new RecordHeader();
  // With a newline, also where none was given.
  if (!header.read(end < bytes.length ? bytes : Buffer.concat([bytes, Buffer.of(newline)]), 0))
    throw unreadable(bytes, "is no line of a CRI log: TIME, stdout or stderr, P or F, content");
  const [, ...others] = bytes.toString("utf8", header.streamAt + 7, header.contentAt - 1).split(":");
  return {
    format: "cri",
    timestamp: bytes.toString("latin1", 0, header.streamAt - 1),
    timeNanos: header.timeNanos,
    stream: header.isStderr ? "stderr" : "stdout",
    tags: [header.endsLine ? "F" : "P", ...others],
    content: bytes.subarray(header.contentAt, end),
  };
}

/**
 * Writes a line of a log file, with its newline. What {@link parseLogLine} read of a CRI log comes out byte for byte.
 *
 * @throws {CriError} `invalid_argument`, reason `invalid_file`, for fields that would not be read back as they are.
 */
export function formatLogLine(line: Omit<LogLine, "timeNanos">): Buffer {
  const written = line.format === "docker" ? dockerLine(line) : criLine(line);
  const back = parseLogLine(written);
  const isSame =
    back.format === line.format &&
    back.timestamp === line.timestamp &&
    back.stream === line.stream &&
    back.tags.join(":") === line.tags.join(":") &&
    back.content.equals(line.content);
  if (!isSame) throw unreadable(written, "would not be read back as it was given");
  return written;
}

function criLine({ timestamp, stream, tags, content }: Omit<LogLine, "timeNanos">): Buffer {
  return Buffer.concat([
    Buffer.from(`${timestamp} ${stream} ${tags.join(":")} `),
    content,
    Buffer.of(newline),
  ]);
}

function dockerLine({ timestamp, stream, tags, content }: Omit<LogLine, "timeNanos">): Buffer {
  const log = tags[0] === "F" ? `${content.toString()}\n` : content.toString();
  return Buffer.from(`${JSON.stringify({ log, stream, time: timestamp })}\n`);
}

function unreadable(bytes: Buffer, message: string): CriError {
  const value = bytes.toString("utf8", 0, 200);
  return new CriError({
    code: "invalid_argument",
    reason: "invalid_file",
    text: `a line of a log ${message}, got ${describe(value)}`,
    problems: [{ path: "line", message, value }],
  });
}
