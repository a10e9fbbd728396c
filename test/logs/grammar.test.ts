// The grammar in memory, with records of every runtime and with random ones.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isCriError } from "../../src/core/index.js";
import {
  formatLogLine,
  LogDecoder,
  type LogEntry,
  type LogLine,
  parseLogLine,
} from "../../src/logs/index.js";
import { texts } from "./support.js";

const nanos = 1_764_000_003_085_175_260n;
/** A line as a runtime writes it, with its nanoseconds, stream, tags and content. */
const known: readonly (readonly [string, bigint, string, string, string])[] = [
  ["2025-11-24T16:00:03.08517526Z stdout F hello", nanos, "stdout", "F", "hello"],
  ["2025-11-24T21:30:03.08517526+05:30 stderr P  hello ", nanos, "stderr", "P", " hello "],
  ["2025-11-24T12:00:03.085175260-04:00 stdout F ", nanos, "stdout", "F", ""],
  ["2025-11-24T16:00:03Z stdout F:X:y=1 tagged", 1_764_000_003_000_000_000n, "stdout", "F:X:y=1", "tagged"],
  ["2024-02-29T00:00:00.1Z stdout P: x", 1_709_164_800_100_000_000n, "stdout", "P:", "x"],
  ["1969-12-31T23:59:59.5Z stdout F old", -500_000_000n, "stdout", "F", "old"],
  ["0001-01-01T00:00:00Z stdout F first", -62_135_596_800_000_000_000n, "stdout", "F", "first"],
  ["9999-12-31T23:59:59.9999999999Z stdout F last", 253_402_300_799_999_999_999n, "stdout", "F", "last"],
];
for (const [line, timeNanos, stream, tags, content] of known)
  test(`parses and formats ${JSON.stringify(line)}`, () => {
    const read = parseLogLine(line);
    assert.deepEqual(
      [read.timeNanos, read.stream, read.tags.join(":"), read.content.toString(), read.format],
      [timeNanos, stream, tags, content, "cri"],
    );
    assert.equal(formatLogLine(read).toString(), `${line}\n`);
    assert.deepEqual(parseLogLine(`${line}\n`), read);
    const [entry, ...others] = [new LogDecoder()].flatMap((decoder) => [
      ...decoder.write(Buffer.from(`${line}\n`)),
      ...decoder.end(),
    ]);
    assert.deepEqual([entry?.timeNanos, entry?.text, others.length], [timeNanos, content, 0]);
  });

test("parses and formats Docker's lines", () => {
  const line = '{"log":"ü \\u0000\\n","stream":"stderr","time":"2025-11-24T16:00:03.08517526Z"}';
  const read = parseLogLine(line);
  assert.deepEqual(
    [read.format, read.timeNanos, read.stream, read.tags, read.content.toString()],
    ["docker", nanos, "stderr", ["F"], "ü \0"],
  );
  assert.equal(formatLogLine(read).toString(), `${line}\n`);
  assert.deepEqual(parseLogLine(line.replace("\\n", "")).tags, ["P"]);
});

const wrong = [
  ...[
    "",
    "\n",
    "x",
    "{}",
    "{",
    '{"log":"x","stream":"stdout"}',
    '{"log":"a\\nb","stream":"stdout","time":"2025-11-24T16:00:03Z"}',
  ],
  ...[
    "2025-11-24 16:00:03Z stdout F x",
    "2025-11-24T16:00:03 stdout F x",
    "2025-11-24T16:00:03.Z stdout F x",
  ],
  ...[
    "2025-02-29T16:00:03Z stdout F x",
    "2025-11-24T24:00:03Z stdout F x",
    "2025-00-24T16:00:03Z stdout F x",
  ],
  ...[
    "2025-11-24T16:00:03+24:00 stdout F x",
    "2025-11-24T16:00:03+0530 stdout F x",
    "2025-11-24T16:00:03Z stdin F x",
  ],
  ...["2025-11-24T16:00:03Z stdout G x", "2025-11-24T16:00:03Z stdout F", "2025-11-24T16:00:03Z stdout Fx x"],
  ...[
    "2025-11-24T16:00:03Z stdout F:",
    "2025-11-24T16:00:03Z  stdout F x",
    "2025-11-24T16:00:03Z stdout F x\nmore",
  ],
];
test("an invalid line is a typed error for parseLogLine, and counted by LogDecoder", () => {
  for (const line of wrong) {
    assert.throws(
      () => parseLogLine(line),
      (error) => isCriError(error) && error.reason === "invalid_file" && error.problems.length === 1,
      JSON.stringify(line),
    );
    if (line.includes("\n")) continue;
    const decoder = new LogDecoder();
    assert.deepEqual([...decoder.write(Buffer.from(`${line}\n`)), ...decoder.end()], [], line);
    assert.equal(decoder.unreadable, 1, line);
  }
});

test("formatLogLine refuses fields that would be parsed differently", () => {
  const line = parseLogLine("2025-11-24T16:00:03Z stdout F x");
  for (const change of [
    { content: Buffer.from("a\nb") },
    { timestamp: "yesterday" },
    { timestamp: "2025-11-24T16:00:03Z stdout F" },
    { tags: ["F", "a b"] as const },
    { format: "docker", content: Buffer.from([255]) } as const,
  ])
    assert.throws(() => formatLogLine({ ...line, ...change }), { reason: "invalid_file" });
});

test("a record is valid on exactly the days that a calendar has", () => {
  const two = (value: number) => String(value).padStart(2, "0");
  for (const year of [1900, 2000, 2023, 2024, 9999])
    for (let month = 0; month <= 13; month++)
      for (let day = 0; day <= 32; day++) {
        const date = new Date(Date.UTC(year, month - 1, day));
        const exists = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
        const decoder = new LogDecoder();
        const line = `${year}-${two(month)}-${two(day)}T23:59:59.5Z stdout F x\n`;
        assert.equal(decoder.write(Buffer.from(line)).length, exists ? 1 : 0, line);
      }
});

test("zero bytes are not a time, also for the first record of a parser", () => {
  const decoder = new LogDecoder();
  assert.deepEqual(decoder.write(Buffer.from(`${"\0".repeat(19)}.5Z stdout F x\n`)), []);
  assert.equal(decoder.unreadable, 1);
});

/** Bytes without a newline. */
const content = fc
  .uint8Array({ maxLength: 200 })
  .map((bytes) => Buffer.from(bytes.filter((byte) => byte !== 10)));
const two = (max: number) => fc.integer({ min: 0, max }).map((value) => String(value).padStart(2, "0"));
const timestamp = fc
  .tuple(
    fc.integer({ min: 1, max: 9_999 }).map((year) => String(year).padStart(4, "0")),
    ...[two(13), two(32), two(24), two(60), two(60)],
    fc.oneof(fc.constant(""), fc.stringMatching(/^\.\d{1,12}$/)),
    fc.oneof(
      fc.constant("Z"),
      fc.tuple(fc.constantFrom("+", "-"), two(23), two(59)).map(([sign, h, m]) => `${sign}${h}:${m}`),
    ),
  )
  .map(([y, mo, d, h, m, s, fraction, zone]) => `${y}-${mo}-${d}T${h}:${m}:${s}${fraction}${zone}`);
const tags = fc.oneof(fc.constantFrom("P", "F", "X", ""), fc.stringMatching(/^[PF](:[a-z0-9:=]{0,9})?$/));
const nearlyLine = fc
  .tuple(timestamp, fc.constantFrom("stdout", "stderr", "std"), tags, content, fc.constantFrom("", "\n"))
  .map(([time, stream, tag, text, end]) =>
    Buffer.concat([Buffer.from(`${time} ${stream} ${tag} `), text, Buffer.from(end)]),
  );
const nearlyDocker = fc
  .record({
    log: fc.string({ unit: "binary" }),
    stream: fc.constantFrom("stdout", "stderr", "x"),
    time: timestamp,
  })
  .map((object) => Buffer.from(JSON.stringify(object)));
const anything = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));

test("any bytes are a typed error, or a line that is formatted to the same bytes", () => {
  let read = 0;
  fc.assert(
    fc.property(fc.oneof({ weight: 4, arbitrary: nearlyLine }, nearlyDocker, anything), (bytes) => {
      let line: LogLine;
      try {
        line = parseLogLine(bytes);
      } catch (error) {
        return isCriError(error) && error.reason === "invalid_file";
      }
      read++;
      const printed = formatLogLine(line);
      assert.deepEqual(parseLogLine(printed), line);
      if (line.format === "cri")
        assert.deepEqual(printed, bytes.at(-1) === 10 ? bytes : Buffer.concat([bytes, Buffer.of(10)]));
      // Date parses the same time, in milliseconds.
      const ms = Date.parse(line.timestamp.replace(/(\.\d{3})\d+/, "$1"));
      const ours = line.timeNanos / 1_000_000n - (line.timeNanos % 1_000_000n < 0n ? 1n : 0n);
      assert.equal(BigInt(ms), ours);
      return true;
    }),
    { numRuns: 3_000 },
  );
  assert.ok(read > 300, `only ${read} were lines`);
});

const records = fc.array(
  fc.record({
    stream: fc.constantFrom("stdout" as const, "stderr" as const),
    tag: fc.constantFrom("P", "F", "F"),
    text: content,
  }),
  { maxLength: 30 },
);
test("the result does not depend on how the bytes are cut, and streams are joined separately", () => {
  fc.assert(
    fc.property(
      records,
      fc.array(fc.nat(60), { maxLength: 60 }),
      fc.constantFrom(0, 40, 1_000_000),
      (lines, cuts, maxLineBytes) => {
        const all = Buffer.concat(
          lines.flatMap(({ stream, tag, text }) => [
            Buffer.from(`2025-11-24T16:00:03Z ${stream} ${tag} `),
            text,
            Buffer.of(10),
          ]),
        );
        const decoder = new LogDecoder({ maxLineBytes });
        const entries: LogEntry[] = [];
        let from = 0;
        for (const length of cuts) {
          entries.push(...decoder.write(all.subarray(from, from + length)));
          from = Math.min(all.length, from + length);
        }
        entries.push(...decoder.write(all.subarray(from)), ...decoder.end());
        assert.equal(decoder.unreadable, 0);
        for (const stream of ["stdout", "stderr"]) {
          const returned = entries.filter((entry) => entry.stream === stream);
          const output = returned.flatMap(({ bytes, partial }) =>
            partial ? [bytes] : [bytes, Buffer.of(10)],
          );
          const printed = lines
            .filter((line) => line.stream === stream)
            .flatMap(({ tag, text }) => (tag === "P" ? [text] : [text, Buffer.of(10)]));
          assert.deepEqual(Buffer.concat(output), Buffer.concat(printed));
          for (const [index, { continued }] of returned.entries())
            assert.equal(continued, returned[index - 1]?.partial ?? false);
        }
        const whole = new LogDecoder({ maxLineBytes });
        assert.deepEqual(texts([...whole.write(all), ...whole.end()]), texts(entries));
      },
    ),
    { numRuns: 1_000 },
  );
});
