// The scanner finds what RecordHeader finds, and leaves nothing alone that is usual.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { RecordHeader } from "../../src/logs/records/header.js";
import { Scanner } from "../../src/logs/scanner/scanner.js";
import { SeededRandom } from "../support/random.js";
import { tempFolder } from "../support/temp.js";
import { record } from "./support.js";

const usual = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}Z std(?:out|err) [FP] /;

function theScanner(): Scanner {
  const { shared } = Scanner;
  assert.ok(shared, "this machine has WebAssembly with SIMD");
  return shared;
}

/** What RecordHeader says of the same bytes: the records up to the first line that is not usual. */
function expected(bytes: Buffer): { found: object[]; next: number } {
  const header = new RecordHeader();
  const found: object[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(10, at);
    if (end < 0 || !usual.test(bytes.toString("latin1", at, end)) || !header.read(bytes, at))
      return { found, next: at };
    const { contentAt, isStderr, endsLine } = header;
    found.push({ contentAt, end, isStderr, endsLine });
    at = end + 1;
  }
  return { found, next: bytes.length };
}

function scanned(bytes: Buffer): { found: object[]; next: number } {
  const scanner = theScanner();
  scanner.forget();
  const found = Array.from({ length: scanner.find(bytes, 0, bytes.length) }, (_, index) => {
    scanner.record(index);
    const { contentAt, end, isStderr, endsLine, isAscii } = scanner;
    if (isAscii) assert.ok(bytes.subarray(contentAt, end).every((byte) => byte < 128));
    return { contentAt, end, isStderr, endsLine };
  });
  return { found, next: scanner.next };
}

/** A record with a few bytes of it changed, most often to what could stand there. */
function spoiled(random: SeededRandom, number: number): Buffer {
  const digits = String(random.below(1e9)).slice(0, 1 + random.below(9));
  const days = [
    "2026-11-23",
    "2024-02-29",
    "2025-02-29",
    "2000-02-29",
    "1900-02-29",
    "2026-04-31",
    "0000-00-00",
  ];
  const day = days[random.below(days.length)];
  const tag = ["F", "P", "F:new"][random.below(3)];
  const stream = ["stdout", "stderr", "stdin"][random.below(8) === 0 ? 2 : random.below(2)];
  const content = "xé".repeat(random.below(20)).slice(random.below(2));
  const line = Buffer.from(
    `${day}T10:05:${String(number % 61).padStart(2, "0")}.${digits}Z ${stream} ${tag} ${content}\n`,
  );
  const likely = Buffer.from("0159:-TZ.+ FP\0\xff", "latin1");
  for (let change = random.below(3) - 1; change > 0; change--)
    line[random.below(line.length)] = likely[random.below(likely.length)] ?? 0;
  return line;
}

test("the scanner stops at the first line that is not usual, and finds the same as RecordHeader before that", (t) => {
  const random = new SeededRandom();
  t.diagnostic(`CRI_SDK_TEST_SEED=${random.seed}`);
  for (let round = 0; round < 20_000; round++) {
    const lines = Array.from({ length: 1 + random.below(4) }, (_, number) => spoiled(random, number));
    const bytes = Buffer.concat(lines).subarray(0, random.below(9) === 0 ? random.below(200) : undefined);
    assert.deepEqual(scanned(bytes), expected(bytes), JSON.stringify(bytes.toString("latin1")));
  }
});

test("every second that a calendar has is usual, and no other", () => {
  const header = new RecordHeader();
  for (const year of ["1900", "2000", "2023", "2024", "9999"])
    for (let month = 0; month <= 13; month++)
      for (let day = 0; day <= 32; day++) {
        const two = (value: number) => String(value).padStart(2, "0");
        const bytes = Buffer.from(`${year}-${two(month)}-${two(day)}T23:59:59.5Z stdout F x\n`);
        assert.equal(scanned(bytes).found.length === 1, header.read(bytes, 0), bytes.toString());
      }
});

test("bytes that look like the second of a record before anything was read are none", () => {
  assert.equal(scanned(Buffer.from(`${"\0".repeat(19)}.5Z stdout F x\n`)).found.length, 0);
});

test("a log is read the same where there is no WebAssembly", async (t) => {
  const path = join(await tempFolder(t), "0.log");
  const lines = Array.from({ length: 20_000 }, (_, number) =>
    record(
      Math.floor(number / 100),
      number % 3 === 0 ? "stderr" : "stdout",
      number % 7 === 0 ? "P" : "F",
      `é${number}`,
    ),
  );
  await writeFile(path, `${lines.join("")}no record\n${lines.join("")}`);
  const program = fileURLToPath(new URL("programs/digest.ts", import.meta.url));
  const args = ["--conditions=cri-sdk-source", "--import", "tsx", program, path];
  const run = promisify(execFile);
  const [with_, without] = await Promise.all([
    run(process.execPath, args),
    run(process.execPath, ["--jitless", ...args]),
  ]);
  assert.match(with_.stdout, /^scanner true\n/);
  assert.match(without.stdout, /^scanner false\n/);
  assert.equal(without.stdout.replace("false", "true"), with_.stdout);
});
