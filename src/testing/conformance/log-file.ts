import { readRegularFile } from "../../core/index.js";

/** A line of a CRI log: timestamp, stream, tag and content. */
export interface ConformanceLogLine {
  /** RFC 3339, with up to nanoseconds. */
  readonly timestamp: string;
  /** The output to which the container printed it. */
  readonly stream: "stdout" | "stderr";
  /** `P` for a partial line, which continues in the next line of its stream; `F` for its end. */
  readonly tag: "P" | "F";
  /** What the container printed, without the newline. */
  readonly content: string;
}

const form =
  /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)) (stdout|stderr) ([PF])(?::\S*)? (.*)$/s;

/** No case writes more than a few MiB. */
const maxLogBytes = 268_435_456;

/** Reads the complete lines of a log file; empty if the file does not exist. Throws for a malformed line. */
export async function readLog(path: string): Promise<ConformanceLogLine[]> {
  const content = await readRegularFile(path, { maxBytes: maxLogBytes }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return "";
      throw error;
    },
  );
  return content.toString().split("\n").slice(0, -1).map(readLine);
}

function readLine(line: string): ConformanceLogLine {
  const [, timestamp, stream, tag, content] = form.exec(line) ?? [];
  if (timestamp === undefined || content === undefined)
    throw new Error(`not a line of a CRI log: ${JSON.stringify(line.slice(0, 200))}`);
  return { timestamp, stream: stream as "stdout", tag: tag as "P", content };
}

/** Returns the text of one stream in the log. */
export function logText(
  lines: readonly ConformanceLogLine[],
  stream: ConformanceLogLine["stream"] = "stdout",
): string {
  return lines
    .filter((line) => line.stream === stream)
    .map(({ tag, content }) => (tag === "F" ? `${content}\n` : content))
    .join("");
}
