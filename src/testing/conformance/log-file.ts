import { readFile } from "node:fs/promises";

/** A line of a container's log, as CRI has them: timestamp, stream, tags, content. */
export interface LogLine {
  readonly timestamp: string;
  readonly stream: "stdout" | "stderr";
  /** `P` when the line goes on in the next of its stream, `F` when it ends here. */
  readonly tag: "P" | "F";
  readonly content: string;
}

const form =
  /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)) (stdout|stderr) ([PF])(?::\S*)? (.*)$/s;

/** The lines of a log file that are complete; empty while there is no file. Throws for a line that CRI does not have. */
export async function readLog(path: string): Promise<LogLine[]> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  return text.split("\n").slice(0, -1).map(readLine);
}

function readLine(line: string): LogLine {
  const [, timestamp, stream, tag, content] = form.exec(line) ?? [];
  if (timestamp === undefined || content === undefined)
    throw new Error(`not a line of a CRI log: ${JSON.stringify(line.slice(0, 200))}`);
  return { timestamp, stream: stream as "stdout", tag: tag as "P", content };
}

/** What the container printed to one stream, as far as the log has it. */
export function logText(lines: readonly LogLine[], stream: LogLine["stream"] = "stdout"): string {
  return lines
    .filter((line) => line.stream === stream)
    .map(({ tag, content }) => (tag === "F" ? `${content}\n` : content))
    .join("");
}
