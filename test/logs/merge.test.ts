import assert from "node:assert/strict";
import { once } from "node:events";
import { appendFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type LogCursor, type MergedLogEntry, mergeLogs, readLogs } from "../../src/logs/index.js";
import { checkLeaks } from "../support/leaks.js";
import { tempFolder } from "../support/temp.js";
import { until, within } from "../support/waiting.js";
import { collect, record } from "./support.js";

const names = (merged: readonly MergedLogEntry[]) =>
  merged.map(({ source, entry }) => `${source} ${entry.text}`);

test("logs are merged by time, and by the order of the logs for equal times", async (t) => {
  checkLeaks(t);
  const folder = await tempFolder(t);
  const of = async (name: string, numbers: readonly number[]) => {
    await writeFile(join(folder, name), numbers.map((n) => record(n, "stdout", "F", String(n))).join(""));
    return readLogs(join(folder, name));
  };
  const merged = await collect(
    mergeLogs(
      {
        web: await of("web", [1, 4, 4, 9]),
        db: await of("db", [2, 3, 4, 10, 11]),
        none: await of("none", []),
      },
      // A busy machine may take longer than the default to open a file.
      { maxWaitMs: 30_000 },
    ),
  );
  assert.deepEqual(names(merged), [
    "web 1",
    "db 2",
    "db 3",
    "web 4",
    "web 4",
    "db 4",
    "web 9",
    "db 10",
    "db 11",
  ]);
});

test("many lines of many logs are in the order of their times", async (t) => {
  const folder = await tempFolder(t);
  const logs = Object.fromEntries(
    await Promise.all(
      [0, 1, 2, 3].map(async (lane) => {
        const path = join(folder, `${lane}.log`);
        const own = Array.from({ length: 2_000 }, (_, index) =>
          record(index * 4 + lane, "stdout", "F", String(index * 4 + lane)),
        );
        await writeFile(path, own.join(""));
        return [String(lane), readLogs(path)] as const;
      }),
    ),
  );
  // A busy machine may need longer than the default wait to open all of them.
  const merged = mergeLogs(logs, { maxWaitMs: 60_000 });
  const numbers = (await collect(merged)).map(({ entry }) => Number(entry.text));
  assert.deepEqual(
    numbers,
    Array.from({ length: 8_000 }, (_, index) => index),
  );
});

test("a log without entries delays the others for maxWaitMs only, and leaving the loop ends all", async (t) => {
  checkLeaks(t);
  const folder = await tempFolder(t);
  const [busy, silent] = [join(folder, "busy"), join(folder, "silent")];
  await writeFile(silent, "");
  await writeFile(busy, Array.from({ length: 500 }, (_, n) => record(n, "stdout", "F", String(n))).join(""));
  const readers = { busy: readLogs(busy, { follow: true }), silent: readLogs(silent, { follow: true }) };
  const got: string[] = [];
  const reading = (async () => {
    for await (const { source, entry } of mergeLogs(readers, { maxWaitMs: 50 })) {
      got.push(`${source} ${entry.text}`);
      if (entry.text === "last") break;
    }
  })();
  await until(() => got.length === 500, "all that the busy one has", 10_000);
  await appendFile(silent, record(501, "stdout", "F", "last"));
  await reading;
  assert.equal(got.at(-1), "silent last");
  assert.equal((await readers.busy.ended).reason, "stopped");
  assert.equal((await readers.silent.ended).reason, "stopped");
});

test("a log that fails ends the others, and so does an abort", async (t) => {
  checkLeaks(t);
  const path = join(await tempFolder(t), "0.log");
  await writeFile(path, record(1, "stdout", "F", "one"));
  const follow = readLogs(path, { follow: true });
  await assert.rejects(collect(mergeLogs({ follow, missing: readLogs(`${path}.none`) })), {
    reason: "log_missing",
  });
  assert.equal((await follow.ended).reason, "stopped");
  const other = readLogs(path, { follow: true });
  await assert.rejects(collect(mergeLogs({ other }, { signal: AbortSignal.timeout(50) })), {
    reason: "deadline",
  });
  assert.equal((await other.ended).reason, "stopped");
  assert.throws(() => mergeLogs({}, { maxWaitMs: -1 }), { reason: "invalid_option" });
});

test("each entry has the cursor from which its log continues", async (t) => {
  const folder = await tempFolder(t);
  const paths = { a: join(folder, "a"), b: join(folder, "b") };
  const write = (path: string, ...numbers: number[]) =>
    writeFile(path, numbers.map((number) => record(number, "stdout", "F", `${number}`)).join(""));
  await write(paths.a, 1, 3, 5);
  await write(paths.b, 2, 4);
  for (const many of [1, 2, 3, 4]) {
    const cursors: Record<string, LogCursor | undefined> = {};
    const seen: string[] = [];
    for await (const { source, entry, cursor } of mergeLogs({
      a: readLogs(paths.a),
      b: readLogs(paths.b),
    })) {
      cursors[source] = cursor;
      if (seen.push(entry.text) === many) break;
    }
    const rest = mergeLogs({
      a: readLogs(paths.a, { from: cursors.a }),
      b: readLogs(paths.b, { from: cursors.b }),
    });
    for (const { entry } of await collect(rest)) seen.push(entry.text);
    assert.deepEqual(seen, ["1", "2", "3", "4", "5"]);
  }
});

test("return() and the destruction of a stream end a merge that waits", async (t) => {
  checkLeaks(t);
  const path = join(await tempFolder(t), "a");
  await writeFile(path, record(1, "stdout", "F", "one"));
  const followed = () => readLogs(path, { follow: true });
  const one = followed();
  const merged = mergeLogs({ one });
  assert.equal((await merged.next()).value?.entry.text, "one");
  const waiting = merged.next();
  await within(5_000, Promise.resolve(merged[Symbol.asyncDispose]()));
  assert.deepEqual(await waiting, { done: true, value: undefined });
  assert.equal((await one.ended).reason, "stopped");

  const two = followed();
  const stream = Readable.from(mergeLogs({ two }));
  await once(stream, "data");
  stream.destroy();
  assert.equal((await within(5_000, two.ended)).reason, "stopped");
});

test("a maxWaitMs beyond the maximum of a timer does not cause a busy loop", async (t) => {
  const path = join(await tempFolder(t), "a");
  await writeFile(path, record(1, "stdout", "F", "one"));
  const warnings: Error[] = [];
  const warned = (warning: Error) => warnings.push(warning);
  process.on("warning", warned);
  const follow = readLogs(path, { follow: true, pollMs: 2 ** 40 });
  const merging = collect(
    mergeLogs({ follow, full: readLogs(path) }, { maxWaitMs: Number.POSITIVE_INFINITY }),
  );
  await sleep(100);
  await follow.close();
  assert.equal((await merging).length, 2);
  process.off("warning", warned);
  assert.deepEqual(warnings, []);
});
