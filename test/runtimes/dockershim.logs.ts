// A container that prints numbered lines, and the checks of its log in CRI's format.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { DockerRuntime } from "../../scripts/runtimes/index.js";
import { list } from "../../scripts/runtimes/traces.js";
import { type LogLine, parseLogLine, rotatedLogs } from "../../src/logs/index.js";

/** The exit code of a writer that was asked to stop. */
export const stoppedCode = 99;

/**
 * Returns a shell script that prints lines from 0 on, some of them to stderr, and some longer than a record, and then exits. It stops
 * on SIGTERM.
 */
export function writerScript(lines: number, exitCode: number): string {
  return `
trap 'exit ${stoppedCode}' TERM
long=$(printf '%040000d' 0)
n=0
while [ $n -lt ${lines} ]; do
  case $n in
    *7) echo "$n error" >&2 ;;
    *50) echo "$n $long" ;;
    *) echo "$n" ;;
  esac
  n=$((n + 1))
  case $n in *0) sleep 0.05 & wait $! ;; esac
done
exit ${exitCode}`;
}

/** Returns the numbers that a writer's log has more than once, and those that it lacks; all of them are expected with `lines`. */
export function checkNumbers(
  records: readonly LogLine[],
  lines?: number,
): { readonly doubled: number[]; readonly missing: number[] } {
  const numbers = numbersIn(records);
  const seen = new Set<number>();
  const doubled = numbers.filter((number) => seen.size === seen.add(number).size);
  const count = lines ?? numbers.reduce((largest, number) => Math.max(largest, number), -1) + 1;
  const missing = Array.from({ length: count }, (_, number) => number).filter((number) => !seen.has(number));
  return { doubled, missing };
}

/** Returns the first difference of a log and the engine's own. */
export async function differenceFromEngine(
  runtime: DockerRuntime,
  id: string,
  logPath: string,
): Promise<string[]> {
  const [ours, engines] = [await recordsOf(logPath), await engineRecords(runtime, id)].map((records) =>
    records.map(
      ({ timeNanos, stream, tags: [tag], content }) =>
        `${timeNanos} ${stream} ${tag} ${content.toString("latin1")}`,
    ),
  );
  const [a = [], b = []] = [ours, engines];
  const at = Array.from({ length: Math.max(a.length, b.length) }, (_, index) => index).find(
    (index) => a[index] !== b[index],
  );
  if (at === undefined) return [];
  const shown = (records: readonly string[]) =>
    `${records.length} records, there ${records[at]?.slice(0, 60)}`;
  return [`${logPath} differs from the engine's log at ${at}: ${shown(a)}; the engine's: ${shown(b)}`];
}

/** Returns the records of a log with its rotated files, which may be compressed. */
export async function recordsOf(path: string): Promise<LogLine[]> {
  const rotated = (await rotatedLogs(path)).map((file) => file.path);
  const files = await Promise.all(
    [...rotated, path].map((file) => readFile(file).catch(() => Buffer.alloc(0))),
  );
  return files.flatMap((bytes, index) =>
    linesOf(rotated[index]?.endsWith(".gz") ? gunzipSync(bytes) : bytes).map((line) => parseLogLine(line)),
  );
}

async function engineRecords(runtime: DockerRuntime, id: string): Promise<LogLine[]> {
  const dir = join(runtime.engine.dataRoot, "containers", id);
  const suffix = (name: string) => Number(/\.log\.(\d+)$/.exec(name)?.[1] ?? 0);
  const names = list(dir).filter((name) => name.startsWith(`${id}-json.log`));
  const files = names.sort((a, b) => suffix(b) - suffix(a)).map((name) => readFile(join(dir, name)));
  return (await Promise.all(files)).flatMap((bytes) => linesOf(bytes).map((line) => parseLogLine(line)));
}

function linesOf(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let from = 0, end = bytes.indexOf(10); end >= 0; from = end + 1, end = bytes.indexOf(10, from))
    lines.push(bytes.subarray(from, end));
  return lines;
}

/** Returns the number at the beginning of each line; a long line has several records. */
function numbersIn(records: readonly LogLine[]): number[] {
  const inside = { stdout: false, stderr: false };
  return records.flatMap(({ stream, tags: [tag], content }) => {
    const isFirst = !inside[stream];
    inside[stream] = tag === "P";
    return isFirst ? [Number.parseInt(content.toString("latin1", 0, 20), 10)] : [];
  });
}
