import assert from "node:assert/strict";
import { appendFile, mkdir, rename, rm, truncate, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { type LogNotice, LogWriter, readLogs } from "../../src/logs/index.js";
import { assertNoListeners, checkLeaks } from "../support/leaks.js";
import { tempFolder } from "../support/temp.js";
import { until, within } from "../support/waiting.js";
import { Follower, record } from "./support.js";

test("follow returns lines as they are written, and ends when the container has ended", async (t) => {
  checkLeaks(t);
  const path = join(await tempFolder(t), "0.log");
  const writer = await LogWriter.open(path);
  let runs = true;
  let asked = 0;
  const running = () => {
    asked++;
    return runs;
  };
  const follower = new Follower(readLogs(path, { follow: true, running }));
  for (const line of ["one", "two", "three"]) {
    await writer.write("stdout", `${line}\n`);
    await follower.has(line);
  }
  assert.ok(asked <= 3, `asked ${asked} times in no time`);
  await writer.write("stdout", "no end");
  runs = false;
  await writer.close();
  assert.equal((await within(10_000, follower.ended)).reason, "container_ended");
  assert.deepEqual(follower.texts, ["one", "two", "three", "no end"]);
  assert.equal(follower.entries.at(-1)?.partial, true);
});

test("lines that are logged in quick succession are read together", async (t) => {
  checkLeaks(t);
  const path = join(await tempFolder(t), "0.log");
  await writeFile(path, "");
  const sizes: number[] = [];
  const reader = readLogs(path, { follow: true, pollMs: 60_000 });
  const reading = (async () => {
    for await (const entries of reader.batches()) sizes.push(entries.length);
  })();
  await until(() => reader.cursor !== undefined, "the file is open");
  for (let number = 0; number < 100; number++) {
    await appendFile(path, record(number, "stdout", "F", String(number)));
    await pause(3);
  }
  await until(() => sizes.reduce((sum, size) => sum + size, 0) === 100, "all lines");
  await reader.close();
  await reading;
  assert.ok(sizes.length < 50, `${sizes.length} batches`);
});

test("a record that is written in parts is returned when it is complete", async (t) => {
  const path = join(await tempFolder(t), "0.log");
  await writeFile(path, "");
  const whole = record(1, "stdout", "F", "whole");
  const follower = new Follower(readLogs(path, { follow: true }));
  for (const byte of whole) await appendFile(path, byte);
  await follower.has("whole");
  await follower.stop();
  assert.deepEqual(follower.texts, ["whole"]);
});

test("tail: 0 with follow returns new lines, and an open line as a whole", async (t) => {
  const path = join(await tempFolder(t), "0.log");
  await writeFile(
    path,
    record(1, "stdout", "F", "old") + record(2, "stderr", "P", "beg") + record(3, "stdout", "F", "old"),
  );
  const follower = new Follower(readLogs(path, { follow: true, tail: 0 }));
  await until(() => follower.reader.cursor !== undefined, "the file is open");
  await appendFile(path, record(4, "stdout", "F", "new") + record(5, "stderr", "F", "un"));
  await follower.has("begun");
  await follower.stop();
  assert.deepEqual(follower.texts, ["new", "begun"]);
});

test("records that are written to the old file after a rotation are read", async (t) => {
  checkLeaks(t);
  const path = join(await tempFolder(t), "0.log");
  const moved = `${path}.20260101-000000`;
  await writeFile(path, record(1, "stdout", "F", "one"));
  const notices: LogNotice[] = [];
  const follower = new Follower(readLogs(path, { follow: true, onNotice: (notice) => notices.push(notice) }));
  await follower.has("one");
  await rename(path, moved);
  await appendFile(moved, record(2, "stdout", "F", "two"));
  await follower.has("two");
  await writeFile(path, record(4, "stdout", "F", "late"));
  // For a moment, the runtime writes to both files.
  await appendFile(moved, record(3, "stdout", "P", "three and "));
  await follower.has("three and late");
  await rm(moved);
  await appendFile(path, record(5, "stdout", "F", "five"));
  await follower.has("five");
  await follower.stop();
  assert.deepEqual(follower.texts, ["one", "two", "three and late", "five"]);
  assert.deepEqual(notices, [{ kind: "rotated", path }]);
});

test("after several rotations at once, every file is read", async (t) => {
  const path = join(await tempFolder(t), "0.log");
  await writeFile(path, record(0, "stdout", "F", "0"));
  const follower = new Follower(readLogs(path, { follow: true, pollMs: 60_000 }));
  await follower.has("0");
  for (let round = 1; round <= 5; round++) {
    await rename(path, `${path}.20260101-00000${round}`);
    await writeFile(path, record(round, "stdout", "F", String(round)));
  }
  await follower.has("5");
  await follower.stop();
  assert.deepEqual(follower.texts, ["0", "1", "2", "3", "4", "5"]);
});

test("a truncated file is read from its beginning, even if it is longer than before", async (t) => {
  const path = join(await tempFolder(t), "0.log");
  await writeFile(path, record(1, "stdout", "F", "one"));
  const notices: LogNotice[] = [];
  const follower = new Follower(readLogs(path, { follow: true, onNotice: (notice) => notices.push(notice) }));
  await follower.has("one");
  await truncate(path, 0);
  await appendFile(path, record(2, "stdout", "F", "2"));
  await follower.has("2");
  await writeFile(path, record(3, "stdout", "F", "three, which is longer than what was there before"));
  await follower.has("three, which is longer than what was there before");
  await follower.stop();
  assert.ok(
    notices.length >= 2 && notices.every(({ kind }) => kind === "truncated"),
    JSON.stringify(notices),
  );
});

test("without `running`, the log ends when the file stays missing", async (t) => {
  checkLeaks(t);
  const path = join(await tempFolder(t), "pod", "0.log");
  await mkdir(dirname(path));
  await writeFile(path, record(1, "stdout", "F", "one"));
  const follower = new Follower(readLogs(path, { follow: true, pollMs: 200 }));
  await follower.has("one");
  await rm(dirname(path), { recursive: true });
  const { reason, cursor } = await within(20_000, follower.ended);
  assert.equal(reason, "log_gone");
  assert.ok(cursor);
});

test("`running` that returns false ends the log of a deleted file, and one that throws fails the reading", async (t) => {
  checkLeaks(t);
  const path = join(await tempFolder(t), "0.log");
  await writeFile(path, record(1, "stdout", "F", "one"));
  let runs = true;
  const follower = new Follower(readLogs(path, { follow: true, pollMs: 50, running: async () => runs }));
  await follower.has("one");
  await rm(path);
  runs = false;
  assert.equal((await within(10_000, follower.ended)).reason, "container_ended");

  await writeFile(path, "");
  const failing = new Follower(
    readLogs(path, { follow: true, running: () => Promise.reject(new Error("no runtime")) }),
  );
  const { reason, error } = await within(10_000, failing.ended);
  assert.deepEqual([reason, error?.reason], ["failed", "log_failed"]);
  assert.match(String(error?.message), /no runtime/);
});

test("`wait` waits for the file, until `running` returns false", async (t) => {
  checkLeaks(t);
  const path = join(await tempFolder(t), "later", "0.log");
  const follower = new Follower(readLogs(path, { follow: true, wait: true }));
  await pause(50);
  await mkdir(dirname(path));
  await writeFile(path, record(1, "stdout", "F", "one"));
  await follower.has("one");
  await follower.stop();
  const never = new Follower(
    readLogs(`${path}.none`, { follow: true, wait: true, running: () => false, pollMs: 50 }),
  );
  assert.equal((await within(10_000, never.ended)).reason, "container_ended");
});

test("`until` ends a follow when the time has passed, or at the first later line", async (t) => {
  checkLeaks(t);
  const path = join(await tempFolder(t), "0.log");
  await writeFile(path, record(1, "stdout", "F", "one") + record(9, "stdout", "F", "nine"));
  for (const seconds of [5, 100]) {
    const until = new Date(1_764_000_000_000 + seconds * 1_000);
    const follower = new Follower(readLogs(path, { follow: true, until }));
    assert.equal((await within(10_000, follower.ended)).reason, "until");
    assert.deepEqual(follower.texts, seconds === 5 ? ["one"] : ["one", "nine"]);
  }
});

test("leaving the loop, close() and an abort end a follow at once, without leaks", async (t) => {
  checkLeaks(t);
  const path = join(await tempFolder(t), "0.log");
  await writeFile(path, record(1, "stdout", "F", "one"));
  const abandoned = readLogs(path, { follow: true });
  for await (const entry of abandoned) if (entry.text === "one") break;
  assert.equal((await abandoned.ended).reason, "stopped");

  const closed = new Follower(readLogs(path, { follow: true }));
  await closed.has("one");
  await within(5_000, closed.reader.close());
  assert.equal((await within(5_000, closed.ended)).reason, "stopped");
  assert.equal(await closed.failure, undefined);

  const stop = new AbortController();
  const aborted = new Follower(readLogs(path, { follow: true, signal: stop.signal }));
  await aborted.has("one");
  stop.abort(new Error("enough"));
  const { reason } = await within(5_000, aborted.ended);
  assert.equal(reason, "stopped");
  assert.match(String(await aborted.failure), /aborted by the caller/);
  assertNoListeners(stop.signal);
});

test("entries that were read, but not returned, are read again from the cursor", async (t) => {
  const path = join(await tempFolder(t), "0.log");
  await writeFile(path, "");
  const reader = readLogs(path, { follow: true });
  const batches = reader.batches();
  const pending = batches.next();
  await until(() => reader.cursor !== undefined, "the file is open");
  const written = appendFile(path, record(1, "stdout", "F", "one"));
  await reader.close();
  await written;
  assert.equal((await pending).done, true);
  const follower = new Follower(readLogs(path, { follow: true, from: reader.cursor }));
  await follower.has("one");
  await follower.stop();
});
