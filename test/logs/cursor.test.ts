import assert from "node:assert/strict";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { type LogCursor, type LogReader, readLogs } from "../../src/logs/index.js";
import { tempFolder } from "../support/temp.js";
import { within } from "../support/waiting.js";
import { collect, record, texts } from "./support.js";

/** The cursor as it is restored from JSON. */
function saved({ cursor }: LogReader): LogCursor {
  return JSON.parse(JSON.stringify(cursor));
}

test("an open line at the beginning of a file is found after the file was compressed", async (t) => {
  const path = join(await tempFolder(t), "0.log");
  const old = `${path}.20260101-000000`;
  const begin = record(1, "stdout", "P", "begun ") + record(2, "stderr", "F", "two");
  await writeFile(old, begin);
  await writeFile(path, record(3, "stderr", "F", "three") + record(4, "stdout", "F", "and ended"));
  const reader = readLogs(path, { includeRotated: true });
  for await (const { text } of reader) if (text === "three") break;
  const cursor = saved(reader);
  assert.equal(cursor.open?.stdout?.offset, 0);
  // The cursor that earlier versions saved for this position.
  const head = "e3b0c44298fc1c149afbf4c8996fb924";
  const file = { ...cursor.open.stdout.file, headBytes: 0, head };
  const earlier: LogCursor = { ...cursor, open: { stdout: { file, offset: 0 } } };
  for (const from of [cursor, earlier])
    assert.deepEqual(texts(await collect(readLogs(path, { from }))), ["begun and ended"]);
  await writeFile(`${old}.gz`, gzipSync(begin));
  await rm(old);
  assert.deepEqual(texts(await collect(readLogs(path, { from: cursor }))), ["begun and ended"]);
});

test("a reader without new entries keeps the time of its cursor", async (t) => {
  const path = join(await tempFolder(t), "0.log");
  await writeFile(`${path}.20260101-000000`, record(1, "stdout", "F", "one"));
  await writeFile(path, record(2, "stdout", "F", "two"));
  const first = readLogs(path);
  await collect(first);
  const second = readLogs(path, { from: saved(first) });
  assert.deepEqual(await collect(second), []);
  assert.deepEqual(saved(second), saved(first));
  // The file is deleted, and a new one created.
  await rm(path);
  await writeFile(path, record(3, "stdout", "F", "three"));
  assert.deepEqual(texts(await collect(readLogs(path, { from: saved(second) }))), ["three"]);
});

test("a record of which only a part was returned is read again as a whole", async (t) => {
  const path = join(await tempFolder(t), "0.log");
  const long = Array.from({ length: 100_000 }, (_, index) => `${index} `).join("");
  await writeFile(path, record(1, "stdout", "F", "one") + record(2, "stdout", "F", long));
  for (let taken = 2; taken <= 5; taken++) {
    const first = readLogs(path, { maxLineBytes: 1_000 });
    const returned: string[] = [];
    for await (const { text } of first) {
      returned.push(text);
      if (returned.length === taken) break;
    }
    const isWhole = returned.slice(1).join("") === long;
    const second = readLogs(path, { from: saved(first), maxLineBytes: 1_000 });
    assert.equal(texts(await collect(second)).join(""), isWhole ? "" : long, `after ${taken}`);
    assert.equal(second.unreadable, 0);
  }
  assert.equal((await buffer(readLogs(path, { maxLineBytes: 1_000 }).bytes())).toString(), `one\n${long}\n`);
});

test("the part of a long line that was returned before `until` is not read again", async (t) => {
  const path = join(await tempFolder(t), "0.log");
  const pieces = [record(1, "stdout", "P", "longer "), record(2, "stdout", "F", "than that")];
  await writeFile(path, pieces.join(""));
  const first = readLogs(path, { maxLineBytes: 8, until: 1_764_000_002_000_000_002n });
  assert.deepEqual(texts(await collect(first)), ["longer "]);
  assert.equal((await first.ended).reason, "until");
  const second = readLogs(path, { from: saved(first), maxLineBytes: 8 });
  assert.equal(texts(await collect(second)).join(""), "than that");
});

test("return() before the first next() settles `ended`", async (t) => {
  const path = join(await tempFolder(t), "0.log");
  await writeFile(path, record(1, "stdout", "F", "one"));
  const endings: readonly ((reader: LogReader) => unknown)[] = [
    (reader) => {
      reader[Symbol.asyncIterator]();
      return reader.close();
    },
    (reader) => Readable.from(reader.bytes()).destroy(),
    (reader) => reader.batches().return?.(),
    (reader) => reader[Symbol.asyncIterator]()[Symbol.asyncDispose](),
  ];
  for (const leave of endings) {
    const reader = readLogs(path);
    await leave(reader);
    assert.equal((await within(5_000, reader.ended)).reason, "stopped");
  }
});
