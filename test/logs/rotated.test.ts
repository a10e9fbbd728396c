import assert from "node:assert/strict";
import { appendFile, copyFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { type LogNotice, type LogReader, readLogs, rotatedLogs } from "../../src/logs/index.js";
import { checkLeaks } from "../support/leaks.js";
import { tempFolder } from "../support/temp.js";
import { collect, record, texts } from "./support.js";

/** A log of six lines, of which the fourth begins in the newest rotated file, and ends in the current one. */
async function rotatedLog(folder: string): Promise<string> {
  const path = join(folder, "0.log");
  const line = (number: number) => record(number, "stdout", "F", `line ${number}`);
  await writeFile(`${path}.20260101-100000.gz`, gzipSync(line(1)));
  await writeFile(`${path}.20260102-100000.gz`, gzipSync(line(2)));
  await writeFile(`${path}.20260102-100000.gz.tmp`, "unfinished");
  await writeFile(`${path}.20260103-100000`, line(3) + record(4, "stderr", "P", "li"));
  await writeFile(path, record(5, "stderr", "F", "ne 4") + line(6) + line(7));
  await writeFile(`${path}.bak`, "nobody's");
  await writeFile(join(folder, "0.logs.20260103-100000"), "another's");
  return path;
}

const lines = ["line 1", "line 2", "line 3", "line 4", "line 6", "line 7"];

test("rotatedLogs lists the rotated files, the oldest first, and no others", async (t) => {
  checkLeaks(t);
  const folder = await tempFolder(t);
  const path = await rotatedLog(folder);
  assert.deepEqual(
    (await rotatedLogs(path)).map((file) => [basename(file.path), file.compressed]),
    [
      ["0.log.20260101-100000.gz", true],
      ["0.log.20260102-100000.gz", true],
      ["0.log.20260103-100000", false],
    ],
  );
  assert.deepEqual(await rotatedLogs(join(folder, "none", "0.log")), []);
  assert.deepEqual(texts(await collect(readLogs(path, { includeRotated: true }))), lines);
  assert.deepEqual(texts(await collect(readLogs(path))), ["ne 4", "line 6", "line 7"]);
});

test("Docker's numbers decrease with time, and a file with a compressed copy is read once", async (t) => {
  const path = join(await tempFolder(t), "x-json.log");
  for (const [name, text] of [
    ["", "5"],
    [".1", "4"],
    [".2", "3"],
    [".10", "2"],
  ] as const)
    await writeFile(`${path}${name}`, record(Number(text), "stdout", "F", text));
  await writeFile(`${path}.11.gz`, gzipSync(record(1, "stdout", "F", "1")));
  await writeFile(`${path}.10.gz`, gzipSync(record(2, "stdout", "F", "2")));
  assert.deepEqual(texts(await collect(readLogs(path, { includeRotated: true }))), ["1", "2", "3", "4", "5"]);
});

test("tail counts the lines of rotated files if they are included", async (t) => {
  const path = await rotatedLog(await tempFolder(t));
  for (let tail = 0; tail <= 8; tail++) {
    const entries = await collect(readLogs(path, { includeRotated: true, tail }));
    assert.deepEqual(texts(entries), tail === 0 ? [] : lines.slice(-tail), `tail ${tail}`);
  }
  assert.deepEqual(texts(await collect(readLogs(path, { tail: 8 }))), ["ne 4", "line 6", "line 7"]);
});

/** Reads `count` entries, and returns the cursor as it is restored from JSON. */
async function take(reader: LogReader, count: number) {
  const taken: string[] = [];
  for await (const { text } of reader) {
    taken.push(text);
    if (taken.length === count) break;
  }
  return { taken, cursor: JSON.parse(JSON.stringify(reader.cursor)) };
}

test("a cursor finds its file after renames, compression and copytruncate", async (t) => {
  for (let count = 1; count <= 6; count++) {
    const path = await rotatedLog(await tempFolder(t));
    const { taken, cursor } = await take(readLogs(path, { includeRotated: true }), count);
    // The current file is renamed, the newest rotated one compressed, and a new one created.
    await rename(path, `${path}.20260104-100000`);
    const newest = `${path}.20260103-100000`;
    await writeFile(
      `${newest}.gz`,
      gzipSync(record(3, "stdout", "F", "line 3") + record(4, "stderr", "P", "li")),
    );
    await rm(newest);
    await writeFile(path, record(8, "stdout", "F", "line 8"));
    const after = texts(await collect(readLogs(path, { from: cursor })));
    assert.deepEqual([...taken, ...after], [...lines, "line 8"], `after ${count}`);
  }
  const path = join(await tempFolder(t), "0.log");
  await writeFile(path, record(1, "stdout", "F", "one") + record(2, "stdout", "F", "two"));
  const { cursor } = await take(readLogs(path), 1);
  await copyFile(path, `${path}.1`);
  await truncate(path, 0);
  await appendFile(path, record(3, "stdout", "F", "three"));
  assert.deepEqual(texts(await collect(readLogs(path, { from: cursor }))), ["two", "three"]);
});

test("a reader whose file was deleted continues at the time of its cursor, and reports `lost`", async (t) => {
  const path = await rotatedLog(await tempFolder(t));
  const { cursor } = await take(readLogs(path, { includeRotated: true }), 2);
  await rm(`${path}.20260102-100000.gz`);
  const notices: LogNotice[] = [];
  const reader = readLogs(path, { from: cursor, onNotice: (notice) => notices.push(notice) });
  assert.deepEqual(texts(await collect(reader)), lines.slice(2));
  assert.deepEqual(notices[0], { kind: "lost", path });
});
