// Writes numbered lines at a fixed rate, in partial records of at most 64 bytes, and rotates the log as the kubelet does.
import { createReadStream, createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { setTimeout as pause } from "node:timers/promises";
import { createGzip } from "node:zlib";
import { LogWriter } from "../../../src/logs/index.js";

const [path = "", lines = "0", perSecond = "0", rotations = "0"] = process.argv.slice(2);
const total = Number(lines);
const writer = await LogWriter.open(path, { maxPieceBytes: 64 });
const rotating = rotate();
const began = performance.now();
let written = 0;
while (written < total) {
  const due = Math.min(total, Math.floor(((performance.now() - began) / 1_000) * Number(perSecond)));
  const writes: Promise<void>[] = [];
  while (written < due) {
    const number = written++;
    const filler = number % 25 === 0 ? "a line of several pieces ".repeat(1 + (number % 7)) : "";
    writes.push(writer.write(number % 10 === 0 ? "stderr" : "stdout", `${number} ${filler}end\n`));
  }
  await Promise.all(writes);
  await pause(2);
}
await rotating;
await writer.close();

async function rotate(): Promise<void> {
  const names: string[] = [];
  const everyMs = (total / Number(perSecond) / (Number(rotations) + 1)) * 1_000;
  for (let rotation = 0; rotation < Number(rotations); rotation++) {
    await pause(everyMs);
    const name = `${path}.20260101-${String(100_000 + rotation)}`;
    await rename(path, name);
    // As with the kubelet, the writer still writes to the old file for a short time.
    await pause(rotation % 4);
    await writer.reopen();
    names.push(name);
    const older = names.at(-3);
    if (older !== undefined) await compress(older);
  }
}

async function compress(name: string): Promise<void> {
  await pipeline(createReadStream(name), createGzip(), createWriteStream(`${name}.tmp`));
  await rename(`${name}.tmp`, `${name}.gz`);
  await rm(name);
}
