// Rotated files that were compressed and then damaged.
import assert from "node:assert/strict";
import { appendFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { type LogNotice, type LogPath, type ReadLogsOptions, readLogs } from "../../src/logs/index.js";
import { checkLeaks } from "../support/leaks.js";
import { tempFolder } from "../support/temp.js";
import { collect, Follower, record, texts, timeNanosOf } from "./support.js";

const many = Array.from({ length: 4_000 }, (_, index) =>
  record(index + 10, "stdout", "F", `${Math.sin(index)}`),
);
const small = gzipSync(record(2, "stdout", "F", "two") + record(3, "stdout", "F", "three"));
const large = gzipSync(many.join(""));

function damagedAt(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 0xff;
  return copy;
}

interface Damage {
  readonly name: string;
  readonly content: Buffer;
  /** At least how many lines of the file are read. */
  readonly lines: number;
}

const damages: readonly Damage[] = [
  { name: "an empty file", content: Buffer.alloc(0), lines: 0 },
  { name: "one byte", content: small.subarray(0, 1), lines: 0 },
  { name: "a part of the header", content: small.subarray(0, 8), lines: 0 },
  { name: "plain text", content: Buffer.from(record(2, "stdout", "F", "two")), lines: 0 },
  { name: "NUL bytes", content: Buffer.alloc(4_096), lines: 0 },
  { name: "a small file without its trailer", content: small.subarray(0, -8), lines: 2 },
  { name: "a small file without the end of its trailer", content: small.subarray(0, -1), lines: 2 },
  { name: "a small file with a bad CRC", content: damagedAt(small, small.length - 6), lines: 2 },
  { name: "a small file with a bad length", content: damagedAt(small, small.length - 2), lines: 2 },
  {
    name: "a small file with NUL bytes at its end",
    content: Buffer.concat([small, Buffer.alloc(64)]),
    lines: 2,
  },
  {
    name: "a small file with other bytes at its end",
    content: Buffer.concat([small, Buffer.from("garbage")]),
    lines: 2,
  },
  { name: "a large file that was cut short", content: large.subarray(0, large.length - 2_000), lines: 3_500 },
  { name: "a large file with a bad CRC", content: damagedAt(large, large.length - 6), lines: 4_000 },
  {
    name: "a large file with NUL bytes at its end",
    content: Buffer.concat([large, Buffer.alloc(200_000)]),
    lines: 4_000,
  },
  {
    name: "a large file with NUL bytes in its middle",
    content: Buffer.concat([
      large.subarray(0, large.length >> 1),
      Buffer.alloc(4_096),
      large.subarray((large.length >> 1) + 4_096),
    ]),
    lines: 1_900,
  },
  {
    name: "a whole member and a damaged one",
    content: Buffer.concat([small, large.subarray(0, 500)]),
    lines: 3,
  },
];

/** A log of an intact compressed file, the damaged one, an intact one and the current file. */
async function logWith(folder: string, content: Buffer): Promise<string> {
  const path = join(folder, "0.log");
  await writeFile(`${path}.20260101-000000.gz`, gzipSync(record(1, "stdout", "F", "one")));
  await writeFile(`${path}.20260102-000000.gz`, content);
  await writeFile(`${path}.20260103-000000.gz`, gzipSync(record(5_000, "stdout", "F", "later")));
  await writeFile(path, record(5_001, "stdout", "F", "current"));
  return path;
}

function read(path: LogPath, options: ReadLogsOptions = {}) {
  const notices: LogNotice[] = [];
  const onNotice = (notice: LogNotice) => notices.push(notice);
  const damaged = () => notices.filter(({ kind }) => kind === "damaged");
  return { reader: readLogs(path, { includeRotated: true, ...options, onNotice }), notices, damaged };
}

for (const { name, content, lines } of damages)
  test(`${name}: reported, and the other files are read`, async (t) => {
    checkLeaks(t);
    const path = await logWith(await tempFolder(t), content);
    const { reader, damaged } = read(path);
    const seen = texts(await collect(reader));
    assert.equal(seen[0], "one");
    assert.deepEqual(seen.slice(-2), ["later", "current"]);
    assert.ok(seen.length - 3 >= lines, `${seen.length - 3} lines of ${lines}`);
    assert.deepEqual(
      damaged().map((notice) => notice.path),
      [`${path}.20260102-000000.gz`],
    );
    assert.equal((await reader.ended).reason, "end_of_file");

    const bytes = read(path);
    const printed = Buffer.concat(await collect(bytes.reader.bytes())).toString();
    assert.ok(printed.startsWith("one\n") && printed.endsWith("later\ncurrent\n"));
    assert.equal(bytes.damaged().length, 1);

    const tail = read(path, { tail: 2 });
    assert.deepEqual(texts(await collect(tail.reader)), ["later", "current"]);
    for (const count of [3, lines + 2, seen.length, seen.length + 5])
      assert.deepEqual(
        texts(await collect(read(path, { tail: count }).reader)),
        seen.slice(-count),
        `tail ${count}`,
      );

    const since = read(path, { since: timeNanosOf(5_000) });
    assert.deepEqual(texts(await collect(since.reader)), ["later", "current"]);
    assert.equal(since.damaged().length, 1);
  });

test("a cursor in, before and after a damaged file continues", async (t) => {
  const path = await logWith(await tempFolder(t), small.subarray(0, -8));
  const all = ["one", "two", "three", "later", "current"];
  for (let count = 1; count < all.length; count++) {
    const { reader } = read(path);
    const seen: string[] = [];
    for await (const { text } of reader) if (seen.push(text) === count) break;
    const rest = await collect(read(path, { from: JSON.parse(JSON.stringify(reader.cursor)) }).reader);
    assert.deepEqual([...seen, ...texts(rest)], all, `after ${count}`);
  }
});

test("a followed log passes a damaged file once, and continues", async (t) => {
  checkLeaks(t);
  const path = await logWith(await tempFolder(t), large.subarray(0, large.length - 2_000));
  const { reader, damaged } = read(path, { follow: true, running: () => true, pollMs: 10 });
  const follower = new Follower(reader);
  await follower.has("current");
  await appendFile(path, record(5_002, "stdout", "F", "appended"));
  await follower.has("appended");
  await follower.stop();
  assert.equal(damaged().length, 1);
  assert.ok(follower.entries.length > 3_000);
});

test("a line is not joined across damage", async (t) => {
  const path = join(await tempFolder(t), "0.log");
  const cut = gzipSync(record(1, "stdout", "F", "one") + record(2, "stdout", "P", "half "));
  await writeFile(`${path}.20260101-000000.gz`, cut.subarray(0, -8));
  await writeFile(path, record(3, "stdout", "F", "three"));
  for (const [tail, expected] of [
    [undefined, ["one", "half ", "three"]],
    [2, ["half ", "three"]],
    [1, ["three"]],
  ] as const)
    assert.deepEqual(texts(await collect(read(path, { tail }).reader)), expected, `tail ${tail}`);
});

test("the oldest file that is damaged, and a log whose files are all damaged", async (t) => {
  const path = join(await tempFolder(t), "0.log");
  for (const day of [1, 2, 3]) await writeFile(`${path}.2026010${day}-000000.gz`, "not compressed");
  const { reader, damaged } = read(path);
  assert.deepEqual(await collect(reader), []);
  assert.equal(damaged().length, 3);
  await writeFile(path, record(1, "stdout", "F", "one"));
  assert.deepEqual(texts(await collect(read(path).reader)), ["one"]);
  assert.deepEqual(texts(await collect(read(path, { tail: 5 }).reader)), ["one"]);
});

test("a folder with the name of a rotated file is not one", async (t) => {
  const path = await logWith(await tempFolder(t), small);
  await mkdir(`${path}.20260104-000000`);
  assert.deepEqual(texts(await collect(read(path).reader)), ["one", "two", "three", "later", "current"]);
});
