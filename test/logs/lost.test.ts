import assert from "node:assert/strict";
import { appendFile, open, rename, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { type LogNotice, readLogs } from "../../src/logs/index.js";
import { checkLeaks } from "../support/leaks.js";
import { tempFolder } from "../support/temp.js";
import { until } from "../support/waiting.js";
import { collect, Follower, record, texts } from "./support.js";

for (const tail of [undefined, 0])
  test(`records that are written to a deleted file are read, and no older ones; tail: ${tail}`, async (t) => {
    checkLeaks(t);
    const path = join(await tempFolder(t), "0.log");
    await writeFile(`${path}.20260101-000000.gz`, gzipSync(record(1, "stdout", "F", "one")));
    await writeFile(`${path}.20260102-000000`, record(2, "stdout", "F", "two"));
    await writeFile(path, record(3, "stdout", "F", "three"));
    const runtime = await open(path, "a");
    const notices: LogNotice[] = [];
    const onNotice = (notice: LogNotice) => notices.push(notice);
    const follower = new Follower(
      readLogs(path, { follow: true, tail, running: () => true, pollMs: 10, onNotice }),
    );
    await until(() => follower.reader.cursor !== undefined, "the file is open");
    await rm(path);
    // Several polls without a change.
    await pause(100);
    // A rotated file that was compressed meanwhile is still the same file.
    await writeFile(`${path}.20260102-000000.gz`, gzipSync(record(2, "stdout", "F", "two")));
    await rm(`${path}.20260102-000000`);
    await runtime.appendFile(record(4, "stdout", "F", "four"));
    await follower.has("four");
    await runtime.appendFile(record(5, "stdout", "F", "five"));
    await runtime.close();
    await writeFile(path, record(6, "stdout", "F", "six"));
    await follower.has("six");
    await follower.stop();
    assert.deepEqual(follower.texts, [...(tail === 0 ? [] : ["three"]), "four", "five", "six"]);
    assert.deepEqual(notices, [{ kind: "lost", path }]);
  });

test("a new file at the path is read as a whole, regardless of its times", async (t) => {
  const path = join(await tempFolder(t), "0.log");
  // A line that only begins like a record has no time.
  const unreadable = "2099-01-01T00:00:00Z panic: printed by the runtime\n";
  await writeFile(path, record(100, "stdout", "F", "before") + unreadable);
  const first = readLogs(path);
  for await (const _ of first.batches());
  assert.equal(first.cursor?.time, "2025-11-24T16:01:40.000000100Z");

  const follower = new Follower(readLogs(path, { follow: true, running: () => true, pollMs: 10 }));
  await follower.has("before");
  await rm(path);
  // The clock was set back.
  await writeFile(path, record(90, "stdout", "F", "ninety"));
  await follower.has("ninety");
  await appendFile(path, record(95, "stdout", "F", "ninety-five"));
  await follower.has("ninety-five");
  await follower.stop();
  assert.deepEqual(texts(await collect(readLogs(path, { from: first.cursor }))), ["ninety", "ninety-five"]);
});

test("the pieces of a line are not joined across a gap", async (t) => {
  const path = join(await tempFolder(t), "0.log");
  for (const why of ["truncated", "lost"] as const) {
    await writeFile(path, record(1, "stdout", "F", "one") + record(2, "stdout", "P", "sent 100 to "));
    const notices: LogNotice[] = [];
    const onNotice = (notice: LogNotice) => notices.push(notice);
    const follower = new Follower(readLogs(path, { follow: true, pollMs: 10, onNotice }));
    await follower.has("one");
    if (why === "truncated") await truncate(path, 0);
    else await rm(path);
    await appendFile(path, record(50, "stdout", "F", "nobody is here"));
    await follower.has("nobody is here");
    await follower.stop();
    assert.deepEqual(
      follower.entries.map(({ text, partial }) => [text, partial]),
      [
        ["one", false],
        ["sent 100 to ", true],
        ["nobody is here", false],
      ],
      why,
    );
    assert.ok(
      notices.some(({ kind }) => kind === why),
      why,
    );
  }
});

test("after a rotated file that is deleted while it is read, the next file is read as a whole", async (t) => {
  checkLeaks(t);
  const path = join(await tempFolder(t), "0.log");
  const rotated = (number: number) => `${path}.2026010${number}-000000`;
  const many = Array.from({ length: 20_000 }, (_, index) => record(index, "stdout", "F", `${index}`));
  const halves = [many.slice(0, 10_000).join(""), many.slice(10_000, -3).join("")];
  await writeFile(rotated(0), record(0, "stdout", "F", "older"));
  // Both files are larger than one read.
  await writeFile(`${rotated(1)}.gz`, gzipSync(halves[0] ?? ""));
  await writeFile(rotated(2), halves[1] ?? "");
  await writeFile(path, many.at(-3) ?? "");
  const notices: LogNotice[] = [];
  const onNotice = (notice: LogNotice) => notices.push(notice);
  const seen: string[] = [];
  for await (const { text } of readLogs(path, { includeRotated: true, onNotice })) {
    seen.push(text);
    // Meanwhile the kubelet rotates the log, and deletes the oldest file.
    if (text === "10") {
      await rename(path, rotated(3));
      await writeFile(path, many.at(-2) ?? "");
      await rm(rotated(0));
      await rm(`${rotated(1)}.gz`);
    }
    if (text === "10100") {
      await rm(rotated(2));
      await rename(path, rotated(4));
      await writeFile(path, many.at(-1) ?? "");
    }
  }
  assert.equal(seen.length, 20_001);
  assert.deepEqual(seen.slice(1), texts20k());
  assert.deepEqual([...new Set(notices.map(({ kind }) => kind))], ["rotated"]);
});

function texts20k(): string[] {
  return Array.from({ length: 20_000 }, (_, index) => `${index}`);
}
