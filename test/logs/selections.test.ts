// Writes random logs and checks readLogs() against a plain filter over the lines that were written.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import {
  type LogCursor,
  type LogEntry,
  type LogStream,
  type ReadLogsOptions,
  readLogs,
} from "../../src/logs/index.js";
import { SeededRandom } from "../support/random.js";
import { tempFolder } from "../support/temp.js";
import { collect, record, timeNanosOf, timeOf } from "./support.js";

const rounds = 40;
/** How many cursors of each log are tried. */
const cursorsPerLog = 5;
const streams = ["stdout", "stderr"] as const;

test("random selections return the lines that a plain filter returns", async (t) => {
  const random = new SeededRandom();
  t.diagnostic(`CRI_SDK_TEST_SEED=${random.seed}`);
  for (let round = 0; round < rounds; round++) {
    const path = join(await tempFolder(t), "0.log");
    const log = randomLog(random);
    await writeLog(path, log.files, random);
    const selection = randomSelection(random, log.recordCount);
    const expected = select(log.lines, selection);
    const title = `round ${round}: ${describe(selection)}`;

    const entries = await collect(readLogs(path, { ...selection, includeRotated: true }));
    assert.deepEqual(linesOf(entries), linesOf(expected), title);

    for (let count = 1; count <= Math.min(expected.length, cursorsPerLog); count++) {
      const { entries, cursor } = await readFirst(path, { ...selection, includeRotated: true }, count);
      // A cursor replaces `tail` and `includeRotated`: it already says where to start.
      const rest = await collect(readLogs(path, { ...selection, tail: undefined, from: cursor }));
      assert.deepEqual(linesOf([...entries, ...rest]), linesOf(expected), `${title}, after ${count} lines`);
    }
  }
});

/** A line as the container wrote it: one or more partial records, joined. */
interface Line {
  readonly stream: LogStream;
  readonly text: string;
  /** The number of its last record, from which its time follows. */
  readonly number: number;
}

interface Log {
  /** The content of each file of the log, the oldest first. */
  readonly files: readonly string[];
  readonly lines: readonly Line[];
  readonly recordCount: number;
}

/** A log of up to 40 records, with partial records, Docker's format, invalid lines, and rotations in between. */
function randomLog(random: SeededRandom): Log {
  const files = [""];
  const lines: Line[] = [];
  const partial = { stdout: "", stderr: "" };
  let number = 0;

  const append = (text: string) => files.push(files.pop() + text);
  const appendRecord = (stream: LogStream, tag: "P" | "F", content: string) => {
    append(
      oneIn(random, 9) ? dockerRecord(number, stream, tag, content) : record(number, stream, tag, content),
    );
    partial[stream] += content;
    if (tag === "F") {
      lines.push({ stream, text: partial[stream], number });
      partial[stream] = "";
    }
    number++;
  };

  const recordCount = 1 + random.below(40);
  // Long enough for one record to exceed the blocks in which `tail` reads backwards.
  const maxFiller = oneIn(random, 5) ? 30_000 : 5;
  while (number < recordCount) {
    const stream = random.of("stdout", "stderr", "stdout");
    const content = `${"ä".repeat(random.below(3))}${number}${"x".repeat(random.below(maxFiller))}`;
    appendRecord(stream, oneIn(random, 3) ? "P" : "F", content);
    if (oneIn(random, 15)) append("garbage\n");
    if (oneIn(random, 6)) files.push("");
  }
  for (const stream of streams) if (partial[stream] !== "") appendRecord(stream, "F", "");
  return { files, lines, recordCount: number };
}

function dockerRecord(number: number, stream: LogStream, tag: "P" | "F", content: string): string {
  const log = tag === "F" ? `${content}\n` : content;
  return `${JSON.stringify({ log, stream, time: timeOf(number) })}\n`;
}

/** Writes the newest file to `path` and the others to names of rotated files, some of them compressed. */
async function writeLog(path: string, files: readonly string[], random: SeededRandom): Promise<void> {
  for (const [index, content] of files.entries()) {
    const rotated = `${path}.20260101-0000${String(index).padStart(2, "0")}`;
    if (index === files.length - 1) await writeFile(path, content);
    else if (oneIn(random, 2)) await writeFile(rotated, content);
    else await writeFile(`${rotated}.gz`, gzipSync(content));
  }
}

interface Selection {
  readonly stream: LogStream | undefined;
  readonly tail: number | undefined;
  readonly since: bigint | undefined;
  readonly until: bigint | undefined;
}

function randomSelection(random: SeededRandom, recordCount: number): Selection {
  const sometimes = <T>(value: T) => (oneIn(random, 3) ? value : undefined);
  return {
    stream: sometimes(random.of(...streams)),
    tail: sometimes(random.below(8)),
    since: sometimes(timeNanosOf(random.below(recordCount))),
    until: sometimes(timeNanosOf(random.below(recordCount))),
  };
}

/** The specification: `tail` counts the lines of the stream first, then the times narrow the result. */
function select(lines: readonly Line[], { stream, tail, since, until }: Selection): Line[] {
  const ofStream = lines.filter((line) => stream === undefined || line.stream === stream);
  return ofStream
    .slice(tail === undefined ? 0 : ofStream.length - Math.min(tail, ofStream.length))
    .filter(({ number }) => since === undefined || timeNanosOf(number) >= since)
    .filter(({ number }) => until === undefined || timeNanosOf(number) < until);
}

/** Reads some lines, stops, and returns the cursor as a program would restore it from a file. */
async function readFirst(
  path: string,
  options: ReadLogsOptions,
  count: number,
): Promise<{ entries: LogEntry[]; cursor: LogCursor }> {
  const reader = readLogs(path, options);
  const entries: LogEntry[] = [];
  for await (const entry of reader) if (entries.push(entry) === count) break;
  return { entries, cursor: JSON.parse(JSON.stringify(reader.cursor)) };
}

function linesOf(entries: readonly Pick<LogEntry, "stream" | "text">[]): string[] {
  return entries.map(({ stream, text }) => `${stream} ${text}`);
}

function describe({ stream, tail, since, until }: Selection): string {
  return `stream ${stream}, tail ${tail}, since ${since}, until ${until}`;
}

function oneIn(random: SeededRandom, n: number): boolean {
  return random.below(n) === 0;
}
