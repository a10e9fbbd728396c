import { RecordHeader } from "./header.js";
import type { LogLine } from "./line.js";

/** Reads a line of Docker's json-file driver; undefined for what is none. Fields beyond the three are passed over. */
export function readDockerLine(bytes: Buffer): LogLine | undefined {
  const { log, stream, time } = objectOf(bytes);
  if (typeof log !== "string" || typeof time !== "string") return undefined;
  if (stream !== "stdout" && stream !== "stderr") return undefined;
  const header = new RecordHeader();
  if (!header.read(criHeader(time, stream, "F"), 0)) return undefined;
  const isWhole = log.endsWith("\n");
  const content = Buffer.from(isWhole ? log.slice(0, -1) : log);
  // Docker ends a line of the output with each newline, so a newline within one is not its doing.
  if (content.includes(10) || header.streamAt - 1 !== time.length) return undefined;
  return {
    format: "docker",
    timestamp: time,
    timeNanos: header.timeNanos,
    stream,
    tags: [isWhole ? "F" : "P"],
    content,
  };
}

/** The header that the same record would have in a CRI log. */
export function criHeader(timestamp: string, stream: string, tag: string): Buffer {
  return Buffer.from(`${timestamp} ${stream} ${tag} `);
}

function objectOf(bytes: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(bytes.toString());
    // Whatever is an object may be asked for any field.
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
