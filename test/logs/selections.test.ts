// Logs that are made up, in files plain and compressed: what is selected, and what is read on from any entry, beside what was written.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { type LogStream, type ReadLogsOptions, readLogs } from "../../src/logs/index.js";
import { SeededRandom } from "../support/random.js";
import { tempFolder } from "../support/temp.js";
import { record } from "./support.js";

const cases = 60;
const streams = ["stdout", "stderr"] as const;

interface Line {
  readonly stream: LogStream;
  readonly text: string;
  /** The number of its last record. */
  readonly number: number;
}

/** The files of a log, the oldest first, and the lines in them. All lines end. */
function makeLog(random: SeededRandom): { files: string[]; lines: Line[]; records: number } {
  const files = [""];
  const lines: Line[] = [];
  const open = new Map<LogStream, string>();
  const most = 1 + random.below(40);
  // In some logs a record may be as long as a window of `tail`.
  const filler = random.below(5) === 0 ? 30_000 : 5;
  let number = 0;
  const add = (stream: LogStream, tag: "P" | "F", content: string) => {
    const docker = { log: tag === "F" ? `${content}\n` : content, stream, time: timeOf(number) };
    const isDocker = random.below(9) === 0;
    files.push(
      (files.pop() ?? "") + (isDocker ? `${JSON.stringify(docker)}\n` : record(number, stream, tag, content)),
    );
    const text = (open.get(stream) ?? "") + content;
    if (tag === "P") open.set(stream, text);
    else {
      open.delete(stream);
      lines.push({ stream, text, number });
    }
    number++;
  };
  while (number < most) {
    const content = `${"ä".repeat(random.below(3))}${number}${"x".repeat(random.below(filler))}`;
    add(streams[random.below(3)] ?? "stdout", random.below(3) === 0 ? "P" : "F", content);
    if (random.below(15) === 0) files.push(`${files.pop()}garbage\n`);
    if (random.below(6) === 0) files.push("");
  }
  for (const stream of streams) if (open.has(stream)) add(stream, "F", "");
  return { files, lines, records: number };
}

function timeOf(number: number): string {
  return record(number, "stdout", "F", "").split(" ")[0] ?? "";
}

function nanosOf(number: number): bigint {
  return BigInt(1_764_000_000_000 + number * 1_000) * 1_000_000n + BigInt(number);
}

test(`${cases} logs: what is selected, and what comes when one goes on from any entry`, async (t) => {
  const random = new SeededRandom();
  t.diagnostic(`CRI_SDK_TEST_SEED=${random.seed}`);
  for (let round = 0; round < cases; round++) {
    const path = join(await tempFolder(t), "0.log");
    const { files, lines, records } = makeLog(random);
    for (const [index, text] of files.entries()) {
      const rotated = `${path}.20260101-0000${String(index).padStart(2, "0")}`;
      if (index === files.length - 1) await writeFile(path, text);
      else if (random.below(2) === 0) await writeFile(rotated, text);
      else await writeFile(`${rotated}.gz`, gzipSync(text));
    }
    const maybe = <T>(value: T) => (random.below(3) === 0 ? value : undefined);
    const [stream, tail] = [maybe(streams[random.below(2)]), maybe(random.below(8))];
    const [since, until] = [maybe(nanosOf(random.below(records))), maybe(nanosOf(random.below(records)))];
    const rest: ReadLogsOptions = { stream, since, until };
    const own = lines.filter((line) => stream === undefined || line.stream === stream);
    const wanted = (tail === undefined ? own : tail === 0 ? [] : own.slice(-tail))
      .filter(({ number }) => since === undefined || nanosOf(number) >= since)
      .filter(({ number }) => until === undefined || nanosOf(number) < until)
      .map((line) => `${line.stream} ${line.text}`);
    const read = async (options: ReadLogsOptions, atMost: number) => {
      const reader = readLogs(path, options);
      const entries: string[] = [];
      for await (const { stream, text } of reader) if (entries.push(`${stream} ${text}`) === atMost) break;
      return { entries, cursor: JSON.parse(JSON.stringify(reader.cursor)) };
    };
    const what = `round ${round}: tail ${tail}, since ${since}, until ${until}, ${stream}`;
    const all = { ...rest, tail, includeRotated: true };
    assert.deepEqual((await read(all, -1)).entries, wanted, what);
    for (let taken = 1; taken <= Math.min(wanted.length, 5); taken++) {
      const { entries, cursor } = await read(all, taken);
      entries.push(...(await read({ ...rest, from: cursor }, -1)).entries);
      assert.deepEqual(entries, wanted, `${what}, on from ${taken}`);
    }
  }
});
