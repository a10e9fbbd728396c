// Rotations and deletions between any two file system calls of a reader: the change happens before the first, second, third ...
// call.
import assert from "node:assert/strict";
import { appendFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type LogNotice, type ReadLogsOptions, readLogs } from "../../src/logs/index.js";
import { checkLeaks } from "../support/leaks.js";
import { tempFolder } from "../support/temp.js";
import { beforeCall } from "./races.js";
import { collect, Follower, record, texts } from "./support.js";

const lines = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => record(from + index, "stdout", "F", `${from + index}`));
const numbers = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => `${from + index}`);

/** A log of lines 0 to 4, and a cursor after line 1. */
async function startedLog(t: TestContext) {
  const folder = await tempFolder(t);
  const path = join(folder, "0.log");
  writeFileSync(`${path}.20250101-000000`, record(0, "stdout", "F", "history"));
  writeFileSync(path, lines(0, 5).join(""));
  const reader = readLogs(path);
  for await (const { text } of reader) if (text === "1") break;
  return { folder, path, from: reader.cursor };
}

/** Writes the next line, renames the log, and creates a new one with the line after that; `rotations` times. */
function rotate(path: string, times: number): void {
  for (let round = 0; round < times; round++) {
    appendFileSync(path, lines(5 + round * 2, 6 + round * 2).join(""));
    renameSync(path, `${path}.20260101-00000${round}`);
    writeFileSync(path, lines(6 + round * 2, 7 + round * 2).join(""));
  }
}

for (const rotations of [1, 2])
  test(`${rotations} rotations at any moment while a reader continues from a cursor: every line once`, async (t) => {
    checkLeaks(t);
    for (let nth = 1, came = true; came; nth++) {
      const { folder, path, from } = await startedLog(t);
      const notices: LogNotice[] = [];
      const onNotice = (notice: LogNotice) => notices.push(notice);
      const end = beforeCall(folder, nth, () => rotate(path, rotations));
      const first = readLogs(path, { from, onNotice });
      const read = texts(await collect(first));
      came = end();
      const rest = texts(await collect(readLogs(path, { from: first.cursor, onNotice })));
      const all = numbers(2, came ? 5 + rotations * 2 : 5);
      assert.deepEqual([...read, ...rest], all, `at look ${nth}, after ${read.length}`);
      assert.deepEqual(
        notices.filter(({ kind }) => kind !== "rotated"),
        [],
        `at look ${nth}`,
      );
    }
  });

for (const rotations of [1, 2])
  test(`${rotations} rotations at any moment of a follow: every line once`, async (t) => {
    checkLeaks(t);
    for (let nth = 1; nth <= 12; nth++) {
      const { folder, path, from } = await startedLog(t);
      const end = beforeCall(folder, nth, () => rotate(path, rotations));
      const follower = new Follower(readLogs(path, { follow: true, from, pollMs: 10 }));
      await follower.has(`${4 + rotations * 2}`);
      end();
      await follower.stop();
      assert.deepEqual(follower.texts, numbers(2, 5 + rotations * 2), `at look ${nth}`);
    }
  });

const tails: readonly ReadLogsOptions[] = [{ tail: 2 }, { tail: 2, includeRotated: true }];
for (const options of tails)
  test(`a rotation at any moment of ${JSON.stringify(options)}: the result of before or of after it`, async (t) => {
    for (let nth = 1, came = true; came; nth++) {
      const { folder, path } = await startedLog(t);
      const end = beforeCall(folder, nth, () => rotate(path, 1));
      const first = readLogs(path, options);
      const read = texts(await collect(first));
      came = end();
      const rest = texts(await collect(readLogs(path, { from: first.cursor })));
      const all = [...read, ...rest].join();
      const right = came ? ["3,4,5,6", "4,5,6", options.includeRotated ? "5,6" : "6"] : ["3,4"];
      assert.ok(right.includes(all), `at look ${nth}: ${all}`);
    }
  });

/** A log of lines 0 to 5 as Docker rotates it: the numbers in the names of the files change. */
async function numberedLog(t: TestContext) {
  const folder = await tempFolder(t);
  const path = join(folder, "json.log");
  for (const [index, name] of [`${path}.2`, `${path}.1`, path].entries())
    writeFileSync(name, lines(index * 2, index * 2 + 2).join(""));
  /** The steps of a rotation, after which line 6 is written. */
  const steps = [
    () => renameSync(`${path}.2`, `${path}.3`),
    () => renameSync(`${path}.1`, `${path}.2`),
    () => renameSync(path, `${path}.1`),
    () => writeFileSync(path, lines(6, 7).join("")),
  ];
  return { folder, path, steps };
}

const wholeReads: readonly ReadLogsOptions[] = [{ includeRotated: true }, { includeRotated: true, tail: 5 }];
for (const options of wholeReads)
  for (const callsPerStep of [0, 1])
    test(`a rotation that changes the numbers, a step every ${callsPerStep} looks, during ${JSON.stringify(options)}`, async (t) => {
      for (let nth = 1, came = true; came; nth++) {
        const { folder, path, steps } = await numberedLog(t);
        const ends =
          callsPerStep === 0
            ? [beforeCall(folder, nth, () => steps.map((step) => step()))]
            : steps.map((step, index) => beforeCall(folder, nth + index * callsPerStep, step));
        const read = texts(await collect(readLogs(path, options)));
        // The hooks are removed in reverse order.
        for (const end of ends.reverse()) came = end();
        const from = options.tail === undefined ? [0] : [6 - options.tail, 7 - options.tail];
        const right = from.flatMap((begin) => [6, 7].map((end) => numbers(begin, end).join()));
        assert.ok(right.includes(read.join()), `at look ${nth}: ${read}`);
      }
    });

test("a file that is replaced at any moment, possibly by one with the same inode, is not mistaken for it", async (t) => {
  for (let nth = 1, came = true; came; nth++) {
    const { folder, path, from } = await startedLog(t);
    const end = beforeCall(folder, nth, () => {
      rmSync(path);
      writeFileSync(path, lines(10, 20).join(""));
    });
    const first = readLogs(path, { from });
    const read = texts(await collect(first));
    came = end();
    const rest = texts(await collect(readLogs(path, { from: first.cursor })));
    const right = came ? [numbers(10, 20), [...numbers(2, 5), ...numbers(10, 20)]] : [numbers(2, 5)];
    assert.ok(
      right.map(String).includes(String([...read, ...rest])),
      `at look ${nth}: ${[...read, ...rest]}`,
    );
  }
});

test("through a link, a reader waits for the new file of a rotation", async (t) => {
  const folder = await tempFolder(t);
  const path = join(folder, "0.log");
  const [link, far] = [join(folder, "link.log"), join(await tempFolder(t), "far.log")];
  symlinkSync("0.log", link);
  symlinkSync(link, far);
  writeFileSync(`${path}.20260101-000000`, record(1, "stdout", "F", "one"));
  // The runtime creates its file after the reader found none.
  const end = beforeCall(folder, 8, () => writeFileSync(path, record(2, "stdout", "F", "two")));
  assert.deepEqual(texts(await collect(readLogs(far))), ["two"]);
  assert.ok(end());
});
