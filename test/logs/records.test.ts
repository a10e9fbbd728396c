// Records as runtimes write them, which share their second and their form, among records with irregular ones.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { LogDecoder, readLogs } from "../../src/logs/index.js";
import { SeededRandom } from "../support/random.js";
import { tempFolder } from "../support/temp.js";
import { collect, texts } from "./support.js";

interface Line {
  readonly record: string;
  /** Undefined for an invalid line. */
  readonly message: string | undefined;
  readonly text: string;
  readonly nanos: bigint;
}

const epoch = 1_764_000_000n * 1_000_000_000n;
const letters = "x".repeat(20_000);

/** A record of one of few seconds, with a random number of digits and a random length; some are irregular in one way each. */
function lineOf(random: SeededRandom, number: number, letter: string): Line {
  const second = Math.floor(number / 500);
  const digits = [9, 9, 9, 9, 8, 8, 7, 1, 10][random.below(9)] ?? 9;
  const fraction = `${String(random.below(999_999_999) + 1_000_000_000).slice(1)}7`;
  const clock = (offsetS: number) =>
    new Date(1_764_000_000_000 + (second + offsetS) * 1_000).toISOString().slice(0, 19);
  const shown = fraction.slice(0, digits);
  const nanos = epoch + BigInt(second) * 1_000_000_000n + BigInt(shown.slice(0, 9).padEnd(9, "0"));
  const zones = [`${clock(0)}.${shown}Z`, `${clock(7_200)}.${shown}+02:00`];
  const odd = random.below(40);
  const size = odd === 1 ? random.below(20_000) : odd < 10 ? random.below(6) : random.below(700);
  const text = (odd === 2 ? "é" : letter).slice(0, size) + letters.slice(0, Math.max(0, size - 1));
  const head = odd === 3 ? zones[1] : zones[0];
  const tag = odd === 4 ? "F:new" : odd === 5 ? "G" : "F";
  const isRecord = odd !== 5 && odd !== 6;
  const stream = random.below(2) === 0 ? "stdout" : "stderr";
  const written = odd === 6 ? `${head?.replace(shown, `${shown.slice(0, 3)}:5`)}` : head;
  return {
    record: `${written} ${stream} ${tag} ${text}\n`,
    message: isRecord ? `${text}\n` : undefined,
    text,
    nanos,
  };
}

test("records of the same second and irregular records are read correctly, as entries and as bytes", async (t) => {
  const random = new SeededRandom();
  t.diagnostic(`CRI_SDK_TEST_SEED=${random.seed}`);
  for (const letter of ["a", "ü"]) {
    const path = join(await tempFolder(t), "0.log");
    const lines = Array.from({ length: 6_000 }, (_, number) => lineOf(random, number, letter));
    await writeFile(path, lines.map(({ record }) => record).join(""));
    const records = lines.filter(({ message }) => message !== undefined);
    const messages = records.map(({ message }) => message).join("");

    assert.equal(Buffer.concat(await collect(readLogs(path).bytes())).toString(), messages);
    const reader = readLogs(path);
    const entries = await collect(reader);
    assert.deepEqual(
      texts(entries),
      records.map(({ text }) => text),
    );
    assert.deepEqual(
      entries.map(({ timeNanos }) => timeNanos),
      records.map(({ nanos }) => nanos),
    );
    assert.equal(reader.unreadable, lines.length - records.length);
    assert.deepEqual(
      (await collect(readLogs(path, { stream: "stderr" }))).map(({ text }) => text),
      entries.filter(({ stream }) => stream === "stderr").map(({ text }) => text),
    );
  }
});

test("the cursor has the time of its own record, not of another one with the same second", async (t) => {
  const path = join(await tempFolder(t), "0.log");
  const record = (fraction: string) => `2025-11-24T16:00:00.${fraction}Z stdout F a line of some length\n`;
  for (const fractions of [
    ["100000001", "200000002", "30000003"],
    ["1", "200000002", "4"],
  ]) {
    await writeFile(path, fractions.map(record).join(""));
    const reader = readLogs(path);
    const [bytes] = await collect(reader.bytes());
    assert.equal(String(bytes), "a line of some length\n".repeat(3));
    assert.equal(reader.cursor?.time, `2025-11-24T16:00:00.${fractions[2]?.padEnd(9, "0")}Z`);
  }
});

test("pieces among records of the same second are joined in entries, and unchanged in bytes", async (t) => {
  const path = join(await tempFolder(t), "0.log");
  const at = "2025-11-24T16:00:00.123456789Z";
  const log = [`${at} stdout F one\n`, `${at} stdout P tw\n`, `${at} stderr F err\n`, `${at} stdout F o\n`];
  await writeFile(path, log.join("").repeat(5_000));
  const all = Buffer.concat(await collect(readLogs(path).bytes())).toString();
  assert.equal(all, "one\ntwerr\no\n".repeat(5_000));
  const entries = new LogDecoder().write(Buffer.from(log.join("").repeat(2)));
  assert.deepEqual(texts(entries), ["one", "err", "two", "one", "err", "two"]);
  const lines = Array.from({ length: 5_000 }, () => ["one", "err", "two"]).flat();
  assert.deepEqual(texts(await collect(readLogs(path))), lines);
});

test("lines of every length at the end of a log are read as a whole", async (t) => {
  const path = join(await tempFolder(t), "0.log");
  const at = "2025-11-24T16:00:00.123456789Z";
  for (const length of [0, 1, 2, 3, 4, 5, 6, 7, 8, 508, 511, 512, 513, 516])
    for (const next of ["", "\n", "\n\n", "x\n", "xy\n", "xyz\n", `${at} stdout F \n`]) {
      const text = letters.slice(0, length);
      await writeFile(path, `${at} stdout F \n${at} stdout F ${text}\n${next}`);
      const bytes = Buffer.concat(await collect(readLogs(path).bytes())).toString();
      assert.equal(bytes, `\n${text}\n${next.startsWith(at) ? "\n" : ""}`);
    }
});
