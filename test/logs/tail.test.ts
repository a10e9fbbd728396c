import assert from "node:assert/strict";
import { appendFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { type ReadLogsOptions, readLogs } from "../../src/logs/index.js";
import { tempFolder } from "../support/temp.js";
import { until } from "../support/waiting.js";
import { collect, Follower, record, texts } from "./support.js";

const filler = (count: number) =>
  Array.from({ length: count }, (_, index) => record(index, "stdout", "F", `filler ${"x".repeat(40)}`)).join(
    "",
  );

test("a record without its newline is an open line", async (t) => {
  const path = join(await tempFolder(t), "0.log");
  const half = record(3, "stdout", "F", "half");
  await writeFile(
    path,
    record(1, "stdout", "F", "one") + record(2, "stderr", "P", "two") + half.slice(0, -3),
  );
  const all = ["one", "two", "ha"];
  for (let tail = 0; tail <= 4; tail++) {
    const reader = readLogs(path, { tail });
    const read = texts(await collect(reader)).sort();
    assert.deepEqual(read, tail === 0 ? [] : all.slice(-tail).sort(), `tail ${tail}`);
    assert.equal(reader.unreadable, 0);
  }
  const none = readLogs(path, { tail: 0 });
  await collect(none);
  const follower = new Follower(readLogs(path, { follow: true, tail: 0, pollMs: 10 }));
  await until(() => follower.reader.cursor !== undefined, "the file is open");
  await appendFile(path, half.slice(-3));
  await follower.has("half");
  await follower.stop();
  assert.deepEqual(follower.texts, ["half"]);
  assert.deepEqual(texts(await collect(readLogs(path, { from: none.cursor }))), ["half"]);
});

test("the beginning of a line is found before the window, and in earlier files", async (t) => {
  const path = join(await tempFolder(t), "0.log");
  const [begin, end] = [record(1, "stderr", "P", "password: "), record(9, "stderr", "F", "accepted")];
  const check = async (options: ReadLogsOptions) => {
    const read = texts(await collect(readLogs(path, { tail: 1, ...options })));
    assert.deepEqual(read, ["password: accepted"]);
  };
  // Much more than the first windows.
  await writeFile(path, begin + filler(20_000) + end);
  await check({});
  await check({ stream: "stderr" });
  await writeFile(`${path}.20260101-000000`, begin + filler(2_000));
  await writeFile(`${path}.20260102-000000.gz`, gzipSync(filler(10)));
  await writeFile(`${path}.20260103-000000`, filler(10));
  await writeFile(path, end);
  await check({ includeRotated: true });
});

test("a record of 3 MiB is one line", async (t) => {
  const path = join(await tempFolder(t), "0.log");
  const long = "x".repeat(3 << 20);
  await writeFile(path, record(1, "stdout", "F", "one") + record(2, "stdout", "F", long));
  const last = readLogs(path, { tail: 1 });
  assert.equal(texts(await collect(last)).join(""), long);
  assert.equal(last.unreadable, 0);
  const whole = { tail: 1, maxLineBytes: 4 << 20 };
  assert.deepEqual(texts(await collect(readLogs(path, whole))), [long]);
  const none = readLogs(path, { tail: 0 });
  await collect(none);
  await appendFile(path, record(3, "stdout", "F", "three"));
  assert.deepEqual(texts(await collect(readLogs(path, { from: none.cursor }))), ["three"]);
  const two = texts(await collect(readLogs(path, { tail: 2, maxLineBytes: 4 << 20 })));
  assert.deepEqual(two, [long, "three"]);
});
