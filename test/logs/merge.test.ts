import assert from "node:assert/strict";
import { appendFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { type MergedLogEntry, mergeLogs, readLogs } from "../../src/logs/index.js";
import { checkLeaks } from "../support/leaks.js";
import { tempFolder } from "../support/temp.js";
import { until } from "../support/waiting.js";
import { collect, record } from "./support.js";

const names = (merged: readonly MergedLogEntry[]) =>
  merged.map(({ source, entry }) => `${source} ${entry.text}`);

test("logs are merged by time, of equal times in the order given", async (t) => {
  checkLeaks(t);
  const folder = await tempFolder(t);
  const of = async (name: string, numbers: readonly number[]) => {
    await writeFile(join(folder, name), numbers.map((n) => record(n, "stdout", "F", String(n))).join(""));
    return readLogs(join(folder, name));
  };
  const merged = await collect(
    mergeLogs({
      web: await of("web", [1, 4, 4, 9]),
      db: await of("db", [2, 3, 4, 10, 11]),
      none: await of("none", []),
    }),
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

test("many lines of many logs come in the order of their times", async (t) => {
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
  const numbers = (await collect(mergeLogs(logs))).map(({ entry }) => Number(entry.text));
  assert.deepEqual(
    numbers,
    Array.from({ length: 8_000 }, (_, index) => index),
  );
});

test("a silent log does not hold the others up, and leaving ends all of them", async (t) => {
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

test("a log that fails ends the others, and so does a signal", async (t) => {
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
  await assert.rejects(collect(mergeLogs({}, { maxWaitMs: -1 })), { reason: "invalid_option" });
});
