import assert from "node:assert/strict";
import { appendFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";
import { LogWriter, parseLogLine, readLogs, rotatedLogs } from "../../src/logs/index.js";
import { checkLeaks } from "../support/leaks.js";
import { tempFolder } from "../support/temp.js";
import { collect, record, texts, timeOf } from "./support.js";

const now = () => 1_764_000_000_000_000_009n;
const head = "2025-11-24T16:00:00.000000009Z";

test("lines are split as containerd splits them", async (t) => {
  checkLeaks(t);
  const path = join(await tempFolder(t), "pod", "web", "0.log");
  await using writer = await LogWriter.open(path, { now });
  await writer.write("stdout", "ab");
  await writer.write("stderr", "E1\r\n\n");
  await writer.write("stdout", "cd\nlone \r return\r\n");
  await writer.write("stdout", `${"x".repeat(16_384)}\n${"y".repeat(40_000)}\nno`);
  await writer.write("stdout", "eol");
  await writer.close();
  const lines = (await readFile(path, "latin1")).split("\n").slice(0, -1);
  assert.deepEqual(
    lines.map((line) => line.replace(/([xy])\1+/, (run) => `${run[0]}${run.length}`)),
    [
      `${head} stderr F E1`,
      `${head} stderr F `,
      `${head} stdout F abcd`,
      `${head} stdout F lone \r return`,
      `${head} stdout F x16384`,
      `${head} stdout P y16384`,
      `${head} stdout P y16384`,
      `${head} stdout F y7232`,
      `${head} stdout P noeol`,
    ],
  );
  assert.equal((await stat(path)).mode & 0o777, 0o640);
  await assert.rejects(writer.write("stdout", "late\n"), { reason: "log_failed" });
});

test("the writer rotates before maxFileBytes, keeps maxFiles, and compresses the older files", async (t) => {
  checkLeaks(t);
  const folder = await tempFolder(t);
  const path = join(folder, "0.log");
  const writer = await LogWriter.open(path, { maxFileBytes: 1_000, maxFiles: 4, compress: true });
  for (let number = 0; number < 200; number++) await writer.write("stdout", `line ${number}\n`);
  await writer.close();
  const rotated = await rotatedLogs(path);
  assert.deepEqual(
    rotated.map(({ compressed }) => compressed),
    [true, true, false],
  );
  assert.equal((await readdir(folder)).length, 4);
  for (const name of [path, rotated[2]?.path ?? ""]) assert.ok((await stat(name)).size <= 1_000);
  const kept = texts(await collect(readLogs(path, { includeRotated: true })));
  const first = Number(kept[0]?.slice(5));
  assert.ok(first > 100, `the first is ${first}`);
  assert.deepEqual(
    kept,
    Array.from({ length: 200 - first }, (_, index) => `line ${first + index}`),
  );
});

test("reopen() and rotate() continue in a new file, and keep lines that have not ended", async (t) => {
  const path = join(await tempFolder(t), "0.log");
  const writer = await LogWriter.open(path);
  const writes = [writer.write("stdout", "one\nbegin")];
  await writes[0];
  await rename(path, `${path}.20200101-000000`);
  writes.push(writer.write("stdout", "ning\n"), writer.reopen(), writer.write("stderr", "three\n"));
  await Promise.all(writes);
  const name = (await writer.rotate()) ?? "";
  assert.match(name, /0\.log\.\d{8}-\d{6}$/);
  await writer.write("stdout", "four\n");
  await writer.close();
  assert.deepEqual(texts(await collect(readLogs(`${path}.20200101-000000`))), ["one", "beginning"]);
  assert.deepEqual(texts(await collect(readLogs(name))), ["three"]);
  assert.deepEqual(texts(await collect(readLogs(path, { includeRotated: true }))), [
    "one",
    "beginning",
    "three",
    "four",
  ]);
});

test("two writers do not overwrite each other's rotated files", async (t) => {
  const path = join(await tempFolder(t), "0.log");
  const writers = await Promise.all([LogWriter.open(path), LogWriter.open(path)]);
  const names = new Set<string>();
  for (let round = 0; round < 3; round++)
    for (const writer of writers) {
      await writer.reopen();
      await writer.write("stdout", `${names.size}\n`);
      names.add((await writer.rotate()) ?? "");
    }
  assert.equal(names.size, 6);
  for (const writer of writers) await writer.close();
});

test("no lines are lost when the file is deleted", async (t) => {
  const path = join(await tempFolder(t), "0.log");
  await using writer = await LogWriter.open(path, { maxFileBytes: 100 });
  await writer.write("stdout", `${"a".repeat(60)}\n`);
  await rm(path);
  await writer.write("stdout", `${"b".repeat(60)}\n`);
  assert.deepEqual(texts(await collect(readLogs(path))), ["b".repeat(60)]);
  await rm(path);
  assert.equal(await writer.rotate(), undefined);
  await writer.write("stdout", "c\n");
  assert.deepEqual(texts(await collect(readLogs(path, { includeRotated: true }))), ["c"]);
});

test("the output of a process can be piped into the log", async (t) => {
  const path = join(await tempFolder(t), "0.log");
  await using writer = await LogWriter.open(path);
  await pipeline(Readable.from([Buffer.from("one\ntw"), Buffer.from("o\n")]), writer.writable("stderr"));
  await writer.close();
  const [, second] = (await readFile(path, "utf8")).split("\n");
  assert.deepEqual(parseLogLine(second ?? "").content.toString(), "two");
  assert.ok(Math.abs(Number(parseLogLine(second ?? "").timeNanos / 1_000_000n) - Date.now()) < 60_000);
});

test("a failed write rejects, and invalid options are refused", async (t) => {
  const folder = await tempFolder(t);
  await assert.rejects(LogWriter.open(folder), { reason: "log_failed" });
  for (const options of [{ maxPieceBytes: 0 }, { maxFileBytes: 1.5 }, { maxFiles: -1 }])
    await assert.rejects(LogWriter.open(join(folder, "0.log"), options), { reason: "invalid_option" });
  const writer = await LogWriter.open(join(folder, "0.log"));
  const lost = await LogWriter.open(join(folder, "sub", "0.log"));
  await rename(join(folder, "sub"), join(folder, "moved"));
  await lost.write("stdout", "still there\n");
  await lost.reopen();
  await lost.write("stdout", "in a new folder\n");
  assert.deepEqual(texts(await collect(readLogs(lost.path))), ["in a new folder"]);
  await lost.close();
  await writer.close();
  await writer.close();
});

test("entries are written as records with their own times, one for each", async (t) => {
  checkLeaks(t);
  const folder = await tempFolder(t);
  const [docker, path] = [join(folder, "json.log"), join(folder, "cri", "0.log")];
  const line = (number: number, stream: string, log: string) =>
    `${JSON.stringify({ log, stream, time: timeOf(number).replace(/0+Z$/, "Z") })}\n`;
  await writeFile(
    docker,
    line(10, "stdout", "x".repeat(16_384)) +
      line(30, "stderr", "a\r\n") +
      line(20, "stdout", "\n") +
      line(30, "stderr", "\0 \ufffd ü\u2028<&>\n") +
      line(40, "stdout", "no end"),
  );
  const expected = [
    record(10, "stdout", "P", "x".repeat(16_384)),
    record(30, "stderr", "F", "a\r"),
    record(20, "stdout", "F", ""),
    record(30, "stderr", "F", "\0 \ufffd ü\u2028<&>"),
    record(40, "stdout", "P", "no end"),
  ];
  const writer = await LogWriter.open(path, { maxFileBytes: 16_430 });
  for await (const entries of readLogs(docker, { maxLineBytes: 0 }).batches())
    await writer.writeEntries(entries);
  // The time of a record does not depend on those of others.
  await writer.writeEntries([
    { timeNanos: -1n, stream: "stdout", partial: false, bytes: Buffer.from("old") },
  ]);
  await writer.close();
  const [rotated] = await rotatedLogs(path);
  assert.equal(await readFile(rotated?.path ?? "", "utf8"), expected[0]);
  assert.equal(
    await readFile(path, "utf8"),
    `${expected.slice(1).join("")}1969-12-31T23:59:59.999999999Z stdout F old\n`,
  );
});

test("records that would be read back as others are refused, and none of the call is written", async (t) => {
  const path = join(await tempFolder(t), "0.log");
  const writer = await LogWriter.open(path);
  const good = { timeNanos: 1n, stream: "stdout", partial: false, bytes: Buffer.from("good") } as const;
  const wrong: readonly unknown[] = [
    undefined,
    { ...good, timeNanos: 1 },
    { ...good, stream: "stdin" },
    { ...good, partial: undefined },
    { ...good, bytes: "text" },
    { ...good, bytes: Buffer.from("two\nlines") },
  ];
  for (const entry of wrong)
    await assert.rejects(writer.writeEntries([good, entry as typeof good]), {
      reason: "invalid_option",
      message: /entries\[1\] must be an entry/,
    });
  await writer.writeEntries([]);
  await writer.close();
  await assert.rejects(writer.writeEntries([good]), { reason: "log_failed" });
  assert.equal(await readFile(path, "utf8"), "");
});

test("with `resume`, an incomplete record of a killed writer is removed", async (t) => {
  const path = join(await tempFolder(t), "0.log");
  const [one, two] = [record(1, "stdout", "F", "one"), record(2, "stdout", "F", "two".repeat(50_000))];
  for (const cut of [1, 30, 40, 70_000, two.length - 1, two.length]) {
    await writeFile(path, one + two.slice(0, cut));
    const writer = await LogWriter.open(path, { resume: true });
    await writer.write("stdout", "three\n");
    await writer.close();
    assert.deepEqual(
      texts(await collect(readLogs(path))).map((text) => text.slice(0, 5)),
      cut < two.length ? ["one", "three"] : ["one", "twotw", "three"],
      `cut at ${cut}`,
    );
  }
  await writeFile(path, two.slice(0, -1));
  await (await LogWriter.open(path, { resume: true })).close();
  assert.equal((await stat(path)).size, 0);
  // Otherwise, another process may be writing the record.
  await writeFile(path, "2025");
  await (await LogWriter.open(path)).close();
  assert.equal((await stat(path)).size, 4);
});

test("with `resume`, a writer whose file was renamed continues in it until reopen()", async (t) => {
  checkLeaks(t);
  const folder = join(await tempFolder(t), "new");
  const path = join(folder, "0.log");
  const suffixes = ["20260101-000000.gz", "20260101-000001", "20260101-000002"];
  await (await LogWriter.open(path, { resume: true })).close();
  assert.deepEqual(await readdir(folder), ["0.log"]);
  for (const suffix of suffixes) await writeFile(`${path}.${suffix}`, record(1, "stdout", "F", suffix));
  await appendFile(`${path}.20260101-000002`, "2025-11-24T16:00");
  await rm(path);
  const writer = await LogWriter.open(path, { resume: true });
  await writer.write("stdout", "before\n");
  await assert.rejects(stat(path), { code: "ENOENT" });
  await writer.reopen();
  await writer.write("stdout", "after\n");
  await writer.close();
  assert.deepEqual(texts(await collect(readLogs(`${path}.20260101-000002`))), ["20260101-000002", "before"]);
  assert.deepEqual(texts(await collect(readLogs(path))), ["after"]);

  // No writer has a compressed file open.
  for (const suffix of ["", ...suffixes.slice(1).map((suffix) => `.${suffix}`)]) await rm(path + suffix);
  await (await LogWriter.open(path, { resume: true })).close();
  assert.equal((await stat(path)).size, 0);
  await rm(path);
  await mkdir(path);
  await assert.rejects(LogWriter.open(path, { resume: true }), { reason: "log_failed" });
});
