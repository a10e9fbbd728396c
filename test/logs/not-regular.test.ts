// Paths that lead to something else than a regular file: a runtime that is compromised may report any `log_path`.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Writable } from "node:stream";
import { test } from "node:test";
import { LogWriter, readLogs } from "../../src/logs/index.js";
import { checkLeaks } from "../support/leaks.js";
import { tempFolder } from "../support/temp.js";
import { within } from "../support/waiting.js";
import { collect, record, texts } from "./support.js";

function fifo(path: string): string {
  execFileSync("mkfifo", [path]);
  return path;
}

test("FIFOs, devices and folders are refused by each way of reading, and do not block", {
  timeout: 60_000,
}, async (t) => {
  checkLeaks(t);
  const folder = await tempFolder(t);
  const link = join(folder, "link.log");
  await symlink(fifo(join(folder, "fifo.log")), link);
  const error = { reason: "log_failed", code: "failed_precondition", message: /must be a regular file/ };
  for (const path of [join(folder, "fifo.log"), link, "/dev/zero", folder]) {
    // More often than Node has threads for files.
    for (const options of [
      {},
      { tail: 1 },
      { follow: true },
      { follow: true, wait: true, running: () => true },
    ]) {
      await assert.rejects(within(10_000, collect(readLogs(path, options))), error, path);
      await assert.rejects(within(10_000, collect(readLogs(path, options).bytes())), error, path);
      const stream = new Writable({ write: (_chunk, _encoding, done) => done() });
      await assert.rejects(within(10_000, readLogs(path, options).writeTo(stream)), error, path);
    }
    await assert.rejects(within(10_000, LogWriter.open(path)), error, path);
  }
});

test("a FIFO with the name of a rotated file is not part of the log", { timeout: 60_000 }, async (t) => {
  checkLeaks(t);
  const path = join(await tempFolder(t), "0.log");
  await writeFile(path, record(1, "stdout", "F", "one"));
  fifo(`${path}.20260101-000000`);
  fifo(`${path}.20260102-000000.gz`);
  const read = collect(readLogs(path, { includeRotated: true }));
  assert.deepEqual(texts(await within(10_000, read)), ["one"]);
});

test("a writer that rotates is not blocked by FIFOs", { timeout: 60_000 }, async (t) => {
  checkLeaks(t);
  const path = join(await tempFolder(t), "0.log");
  for (const day of [1, 2])
    await writeFile(`${path}.2026010${day}-000000`, record(day, "stdout", "F", "old"));
  fifo(`${path}.20260101-000000.tmp`);
  const writer = await LogWriter.open(path, { maxFileBytes: 60, maxFiles: 5, compress: true });
  for (const text of ["one", "two", "three"])
    await within(
      10_000,
      writer.write("stdout", `${text}\n`).catch(() => undefined),
    );
  await within(
    10_000,
    writer.close().catch(() => undefined),
  );
  assert.match(await readFile(path, "utf8"), /three/);
});
