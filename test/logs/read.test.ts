import assert from "node:assert/strict";
import { appendFile, open, readFile, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { isCriError } from "../../src/core/index.js";
import { type LogNotice, type ReadLogsOptions, readLogs } from "../../src/logs/index.js";
import { checkLeaks } from "../support/leaks.js";
import { tempFolder } from "../support/temp.js";
import { collect, record, texts } from "./support.js";

const sample = [
  record(1, "stdout", "F", "one"),
  record(2, "stderr", "F", "two"),
  record(3, "stdout", "P", "three, "),
  record(4, "stderr", "P", "four, "),
  record(5, "stdout", "F", "whole"),
  record(6, "stderr", "F", "whole"),
  record(7, "stdout", "F", ""),
  record(8, "stderr", "F", "eight"),
].join("");
const allTexts = ["one", "two", "three, whole", "four, whole", "", "eight"];

test("entries are joined per stream, and have the time and the order of their last piece", async (t) => {
  checkLeaks(t);
  const path = join(await tempFolder(t), "0.log");
  await writeFile(path, sample);
  const reader = readLogs(path);
  const entries = await collect(reader);
  assert.deepEqual(texts(entries), allTexts);
  assert.deepEqual(
    entries.map(({ stream }) => stream),
    ["stdout", "stderr", "stdout", "stderr", "stdout", "stderr"],
  );
  assert.equal(entries[2]?.timeNanos, 1_764_000_005_000_000_005n);
  assert.equal(entries[2]?.time.toISOString(), "2025-11-24T16:00:05.000Z");
  assert.equal(entries[2]?.bytes.toString(), "three, whole");
  assert.equal(
    entries.some(({ partial, continued, truncated }) => partial || continued || truncated),
    false,
  );
  assert.equal((await reader.ended).reason, "end_of_file");
  assert.equal(reader.unreadable, 0);
});

const selections: readonly (readonly [string, ReadLogsOptions, readonly string[]])[] = [
  ["stream", { stream: "stderr" }, ["two", "four, whole", "eight"]],
  ["tail", { tail: 2 }, ["", "eight"]],
  [
    "tail that begins before the pieces of another line",
    { tail: 4 },
    ["three, whole", "four, whole", "", "eight"],
  ],
  ["tail that begins between the pieces of another line", { tail: 3 }, ["four, whole", "", "eight"]],
  ["tail of a stream", { tail: 2, stream: "stdout" }, ["three, whole", ""]],
  ["tail of more lines than the log has", { tail: 100 }, allTexts],
  ["tail of 0 lines", { tail: 0 }, []],
  [
    "since, by the time of the last piece",
    { since: 1_764_000_005_000_000_005n },
    ["three, whole", "four, whole", "", "eight"],
  ],
  ["since a Date", { since: new Date(1_764_000_007_000) }, ["", "eight"]],
  ["until", { until: 1_764_000_006_000_000_006n }, ["one", "two", "three, whole"]],
  [
    "since and until",
    { since: new Date(1_764_000_002_000), until: new Date(1_764_000_006_000) },
    ["two", "three, whole"],
  ],
  ["tail counts before since", { tail: 3, since: new Date(1_764_000_008_000) }, ["eight"]],
  ["no joining", { maxLineBytes: 0, stream: "stdout" }, ["one", "three, ", "whole", ""]],
  ["limit between lines", { limitBytes: 8 }, ["one", "two"]],
  ["limit in a line", { limitBytes: 10 }, ["one", "two", "th"]],
  ["limit of nothing", { limitBytes: 0 }, []],
];
for (const [what, options, expected] of selections)
  test(`${what}: ${JSON.stringify(options, (_, value) => (typeof value === "bigint" ? String(value) : value))}`, async (t) => {
    const path = join(await tempFolder(t), "0.log");
    await writeFile(path, sample);
    assert.deepEqual(texts(await collect(readLogs(path, options))), expected);
  });

test("an entry that limitBytes cuts is truncated, and ends the reading", async (t) => {
  const path = join(await tempFolder(t), "0.log");
  await writeFile(path, sample);
  const reader = readLogs(path, { limitBytes: 6 });
  const entries = await collect(reader);
  assert.deepEqual(
    entries.map(({ text, truncated, partial }) => [text, truncated, partial]),
    [
      ["one", false, false],
      ["tw", true, true],
    ],
  );
  assert.equal((await reader.ended).reason, "limit");
});

test("bytes() returns what the container printed", async (t) => {
  checkLeaks(t);
  const path = join(await tempFolder(t), "0.log");
  const binary = Buffer.from([0, 255, 13, 32, 128, 34]);
  await writeFile(
    path,
    Buffer.concat([
      Buffer.from(sample),
      Buffer.from(record(9, "stdout", "P", "")).subarray(0, -1),
      binary,
      Buffer.of(10),
    ]),
  );
  const out = await buffer(Readable.from(readLogs(path, { stream: "stdout" }).bytes()));
  assert.deepEqual(out, Buffer.concat([Buffer.from("one\nthree, whole\n\n"), binary]));
  assert.equal((await buffer(readLogs(path, { limitBytes: 5 }).bytes())).toString(), "one\nt");
});

test("lines of every length are the same in bytes() and in entries", async (t) => {
  const path = join(await tempFolder(t), "0.log");
  const lines = Array.from({ length: 1_200 }, (_, length) => "abcdefghij".repeat(120).slice(0, length));
  await writeFile(path, lines.map((line, index) => record(index, "stdout", "F", line)).join(""));
  assert.deepEqual(texts(await collect(readLogs(path))), lines);
  assert.equal((await buffer(readLogs(path).bytes())).toString(), `${lines.join("\n")}\n`);
});

test("invalid lines are counted and reported, and do not end the reading", async (t) => {
  const path = join(await tempFolder(t), "0.log");
  const garbage = [
    "",
    "hello",
    '{"log":1}',
    "2025-11-24T16:00:00Z stdout X no",
    "2025-13-24T16:00:00Z stdout F no",
    "\0\xff",
  ];
  const good = record(1, "stdout", "F", "good");
  await writeFile(path, garbage.map((line) => `${line}\n${good}`).join(""), "latin1");
  const notices: LogNotice[] = [];
  const reader = readLogs(path, { onNotice: (notice) => notices.push(notice) });
  assert.equal((await collect(reader)).length, garbage.length);
  assert.equal(reader.unreadable, garbage.length);
  assert.deepEqual(
    notices.map((notice) => notice.kind === "unreadable" && [notice.line, notice.offset]).at(1),
    ["hello", 1 + good.length],
  );
});

test("Docker's JSON lines are read", async (t) => {
  const path = join(await tempFolder(t), "json.log");
  const line = (log: string, stream: string, second: number) =>
    `${JSON.stringify({ log, stream, time: `2025-11-24T16:00:0${second}.5Z`, attrs: { a: "b" } })}\n`;
  await writeFile(
    path,
    line("one\n", "stdout", 1) +
      line("tw", "stderr", 2) +
      line("ü\n", "stdout", 3) +
      line("o\n", "stderr", 4),
  );
  assert.deepEqual(texts(await collect(readLogs(path))), ["one", "ü", "two"]);
  assert.deepEqual(texts(await collect(readLogs(path, { tail: 1 }))), ["two"]);
  assert.equal((await buffer(readLogs(path).bytes())).toString(), "one\ntwü\no\n");
});

test("a line of Docker's that follows an incomplete one without a newline is read", async (t) => {
  const path = join(await tempFolder(t), "json.log");
  const line = (log: string) =>
    `${JSON.stringify({ log, stream: "stdout", time: "2025-11-24T16:00:00.5Z" })}\n`;
  const [one, two, three] = [line("one\n"), line('{"log":"two\n'), line('{"log":"three\n')];
  for (let cut = 1; cut < two.length; cut++) {
    await writeFile(path, one + two.slice(0, cut) + three);
    const notices: LogNotice[] = [];
    const entries = await collect(readLogs(path, { onNotice: (notice) => notices.push(notice) }));
    assert.deepEqual(texts(entries), ["one", '{"log":"three'], `cut at ${cut}`);
    const skipped = { kind: "unreadable", path, offset: one.length, line: two.slice(0, cut) };
    assert.deepEqual(notices, [skipped]);
    assert.deepEqual(texts(await collect(readLogs(path, { tail: 1 }))), ['{"log":"three']);
  }
  await writeFile(path, `${one}{"log":"{"log":1}\n${three}`);
  assert.deepEqual(texts(await collect(readLogs(path))), ["one", '{"log":"three']);
});

test("a line without an end is returned at the end of the log, and links are resolved", async (t) => {
  const folder = await tempFolder(t);
  const path = join(folder, "0.log");
  await symlink("real.log", path);
  await writeFile(
    path,
    sample + record(9, "stdout", "P", "no ") + record(10, "stdout", "F", "end").slice(0, -2),
  );
  const reader = readLogs(path, { tail: 1 });
  const entries = await collect(reader);
  assert.deepEqual(
    entries.map(({ text, partial }) => [text, partial]),
    [["no en", true]],
  );
});

test("a reader continues exactly at its cursor, also between the pieces of other lines", async (t) => {
  const path = join(await tempFolder(t), "0.log");
  await writeFile(path, sample);
  for (let taken = 0; taken <= allTexts.length; taken++) {
    const first = readLogs(path);
    const before: string[] = [];
    for await (const entry of first) {
      before.push(entry.text);
      if (before.length >= taken) break;
    }
    if (taken > 0) assert.equal((await first.ended).reason, "stopped");
    const cursor = JSON.parse(JSON.stringify((await first.ended).cursor));
    assert.deepEqual(first.cursor, cursor);
    const after = texts(await collect(readLogs(path, { from: cursor })));
    assert.deepEqual([...before, ...after], allTexts);
  }
});

test("a reader continues from the cursor of one that ended, with entries and with bytes", async (t) => {
  const path = join(await tempFolder(t), "0.log");
  await writeFile(path, sample);
  const [first, second] = [readLogs(path), readLogs(path)];
  await collect(first);
  await buffer(second.bytes());
  await appendFile(path, record(9, "stdout", "F", "nine"));
  for (const { cursor } of [first, second])
    assert.deepEqual(texts(await collect(readLogs(path, { from: cursor }))), ["nine"]);
  const limited = readLogs(path, { until: new Date(1_764_000_005_000) });
  await collect(limited);
  assert.deepEqual(texts(await collect(readLogs(path, { from: limited.cursor }))).slice(0, 2), [
    "three, whole",
    "four, whole",
  ]);
});

test("an error lists all invalid options", () => {
  const wrong = {
    ...{ tail: -1, since: new Date("no"), stream: "both" as "stdout", limitBytes: 1.5, pollMs: 0 },
    ...{ from: { file: {}, offset: -1 } as unknown as NonNullable<ReadLogsOptions["from"]> },
  };
  assert.throws(
    () => readLogs("", wrong),
    (error) =>
      isCriError(error) &&
      error.reason === "invalid_option" &&
      error.problems
        .map(({ path }) => path)
        .sort()
        .join() === "from,limitBytes,path,pollMs,since,stream,tail",
  );
});

test("a missing file is log_missing, a folder is log_failed, and `ended` has the error", async (t) => {
  checkLeaks(t);
  const folder = await tempFolder(t);
  for (const [path, code, reason] of [
    [join(folder, "none.log"), "not_found", "log_missing"],
    [join(folder, "no", "folder.log"), "not_found", "log_missing"],
    [folder, "failed_precondition", "log_failed"],
  ] as const) {
    const reader = readLogs(path);
    await assert.rejects(collect(reader), { name: "CriError", code, reason });
    const { reason: why, error } = await reader.ended;
    assert.deepEqual([why, error?.reason], ["failed", reason]);
  }
});

test("a reader is read once, and a closed reader returns nothing", async (t) => {
  const path = join(await tempFolder(t), "0.log");
  await writeFile(path, sample);
  const reader = readLogs(path);
  await collect(reader);
  assert.throws(() => reader.batches(), { reason: "invalid_option" });
  await using closed = readLogs(path);
  await closed.close();
  assert.deepEqual(await collect(closed), []);
  assert.deepEqual(await closed.ended, { reason: "stopped", cursor: undefined, error: undefined });
});

test("an aborted signal fails the loop", async (t) => {
  checkLeaks(t);
  const path = join(await tempFolder(t), "0.log");
  await writeFile(path, sample);
  const reader = readLogs(path, { signal: AbortSignal.abort(new Error("enough")) });
  await assert.rejects(collect(reader), { code: "canceled", reason: "aborted_by_caller" });
  assert.equal((await reader.ended).reason, "stopped");
});

test("the tail of a file of 1 GB reads less than 1 MB of it", {
  skip: process.platform !== "linux",
}, async (t) => {
  const path = join(await tempFolder(t), "0.log");
  await writeFile(path, "");
  await truncate(path, 1_000_000_000);
  const lines = Array.from({ length: 3_000 }, (_, index) =>
    record(index, index % 1_000 === 900 ? "stderr" : "stdout", "F", `line ${index} ${"x".repeat(80)}`),
  );
  await appendFile(path, `\n${lines.join("")}`);
  const read = async () => Number(/rchar: (\d+)/.exec(await readFile("/proc/self/io", "utf8"))?.[1]);
  for (const options of [{ tail: 100 }, { tail: 100, follow: true, running: () => false }]) {
    const before = await read();
    const entries = await collect(readLogs(path, options));
    const bytes = (await read()) - before;
    assert.deepEqual([entries.length, entries[0]?.text.slice(0, 10)], [100, "line 2900 "]);
    assert.ok(bytes < 1_000_000, `${bytes} bytes were read`);
  }
});

test("a record without an end uses bounded memory", async (t) => {
  const path = join(await tempFolder(t), "0.log");
  const file = await open(path, "w");
  await file.write(record(1, "stdout", "F", "").slice(0, -1));
  for (let part = 0; part < 40; part++) await file.write("0123456789abcdef".repeat(4_096));
  await file.write(`\n${record(2, "stdout", "F", "next")}`);
  await file.close();
  const entries = await collect(readLogs(path, { maxLineBytes: 100_000 }));
  assert.ok(entries.every(({ bytes }) => bytes.length < 600_000));
  assert.equal(entries.length > 3, true);
  assert.equal(texts(entries).slice(0, -1).join(""), "0123456789abcdef".repeat(4_096 * 40));
  assert.deepEqual(
    entries.map(({ partial, continued }) => `${partial} ${continued}`),
    ["true false", ...Array(entries.length - 3).fill("true true"), "false true", "false false"],
  );
});
