import {
  type CriError,
  checkArgument,
  criError,
  describe,
  isBytes,
  type OptionCheck,
  option,
} from "../../core/index.js";
import { CriRecord, type LogStream } from "./record.js";

/** One line of a log file: a whole line of the container's output, or a piece of one. */
export interface LogLine {
  /** The line's format: CRI's, or one JSON object per line as Docker's json-file driver writes. */
  readonly format: "cri" | "docker";
  /** The time as it is written: RFC 3339, with up to nanoseconds, in any time zone. */
  readonly timestamp: string;
  /** The same time in nanoseconds since 1970. */
  readonly timeNanos: bigint;
  /** The output to which the container printed it. */
  readonly stream: LogStream;
  /** The tags: `P` (partial) or `F` (full), and any that a later version of CRI may add. Docker's lines have the first only. */
  readonly tags: readonly [first: "P" | "F", ...others: readonly string[]];
  /** What the container printed, without the newline that ended it. May contain any byte but a newline. */
  readonly content: Buffer;
}

const lineCheck: OptionCheck<Omit<LogLine, "timeNanos">> = (value) => {
  const { format, timestamp, stream, tags, content } = value ?? {};
  const isLine =
    (format === "cri" || format === "docker") &&
    [timestamp, stream].every((one) => typeof one === "string") &&
    Array.isArray(tags) &&
    isBytes(content);
  return isLine ? undefined : "must be a parsed line, such as `parseLogLine(line)` returns";
};

const newline = 10;
const space = 32;
const brace = 123;

/**
 * Parses one line of a log file, in CRI's format or in Docker's, with or without the newline at its end.
 *
 * @throws {CriError} `invalid_file` for bytes in neither format.
 */
export function parseLogLine(line: Uint8Array | string): LogLine {
  checkArgument("parseLogLine", "line", line, option.bytes);
  const given = typeof line === "string" ? Buffer.from(line) : line;
  const bytes = Buffer.from(given.buffer, given.byteOffset, given.byteLength);
  const found = bytes.indexOf(newline);
  const end = found < 0 ? bytes.length : found;
  if (end < bytes.length - 1) throw invalidLine(bytes, "must be a single line");
  if (bytes[0] === brace) {
    const docker = readDockerLine(bytes.subarray(0, end));
    if (docker) return docker;
    throw invalidLine(
      bytes,
      "must be an object with log, stream and time, as Docker's json-file driver writes",
    );
  }
  const record = new CriRecord();
  // The parser expects a newline.
  if (!record.readHeader(end < bytes.length ? bytes : Buffer.concat([bytes, Buffer.of(newline)]), 0))
    throw invalidLine(bytes, "must have the form of a CRI log: TIME, stdout or stderr, P or F, content");
  const streamAt = bytes.indexOf(space) + 1;
  const [, ...others] = bytes.toString("utf8", streamAt + 7, record.contentAt - 1).split(":");
  return {
    format: "cri",
    timestamp: bytes.toString("latin1", 0, streamAt - 1),
    timeNanos: record.timeNanos,
    stream: record.isStderr ? "stderr" : "stdout",
    tags: [record.endsLine ? "F" : "P", ...others],
    content: bytes.subarray(record.contentAt, end),
  };
}

/**
 * Formats a line of a log file, with its newline. A CRI line that {@link parseLogLine} parsed is reproduced byte for byte.
 *
 * @throws {CriError} `invalid_file` for fields that would not be parsed back to the same values.
 */
export function formatLogLine(line: Omit<LogLine, "timeNanos">): Buffer {
  checkArgument("formatLogLine", "line", line, lineCheck);
  const formatted = line.format === "docker" ? dockerLine(line) : criLine(line);
  const parsed = parseLogLine(formatted);
  const isSame =
    parsed.format === line.format &&
    parsed.timestamp === line.timestamp &&
    parsed.stream === line.stream &&
    parsed.tags.join(":") === line.tags.join(":") &&
    parsed.content.equals(line.content);
  if (!isSame) throw invalidLine(formatted, "would not be parsed back to the same fields");
  return formatted;
}

/**
 * Parses a line that Docker's json-file driver wrote, without its newline. Returns `undefined` for other bytes. Ignores fields
 * other than `log`, `stream` and `time`.
 */
export function readDockerLine(bytes: Buffer): LogLine | undefined {
  const { log, stream, time } = objectOf(bytes);
  if (typeof log !== "string" || typeof time !== "string") return undefined;
  if (stream !== "stdout" && stream !== "stderr") return undefined;
  const record = new CriRecord();
  if (time.includes(" ") || !record.readHeader(criHeader(time, stream, "F"), 0)) return undefined;
  const isWhole = log.endsWith("\n");
  const content = Buffer.from(isWhole ? log.slice(0, -1) : log);
  // Docker writes a record per newline of the output, so it never writes one with a newline inside.
  if (content.includes(newline)) return undefined;
  return {
    format: "docker",
    timestamp: time,
    timeNanos: record.timeNanos,
    stream,
    tags: [isWhole ? "F" : "P"],
    content,
  };
}

/** Formats the header that a record has in a CRI log. */
export function criHeader(timestamp: string, stream: string, tag: string): Buffer {
  return Buffer.from(`${timestamp} ${stream} ${tag} `);
}

function criLine({ timestamp, stream, tags, content }: Omit<LogLine, "timeNanos">): Buffer {
  return Buffer.concat([criHeader(timestamp, stream, tags.join(":")), content, Buffer.of(newline)]);
}

function dockerLine({ timestamp, stream, tags, content }: Omit<LogLine, "timeNanos">): Buffer {
  const log = tags[0] === "F" ? `${content.toString()}\n` : content.toString();
  return Buffer.from(`${JSON.stringify({ log, stream, time: timestamp })}\n`);
}

function objectOf(bytes: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(bytes.toString());
    // Safe for any object: a field that it does not have is undefined.
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function invalidLine(bytes: Buffer, message: string): CriError {
  const value = bytes.toString("utf8", 0, 200);
  return criError("invalid_file", `log line: ${message}, got ${describe(value)}`, {
    problems: [{ path: "line", message, value }],
  });
}
