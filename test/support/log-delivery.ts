import assert from "node:assert/strict";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { rotatedLogs } from "../../src/logs/index.js";
import { cleanup } from "./cleanup.js";
import { startProgram } from "./programs.js";
import { SeededRandom } from "./random.js";
import { tempFolder } from "./temp.js";
import { until, within } from "./waiting.js";

const linesPerSecond = 20_000;

export interface LogDelivery {
  readonly lines: number;
  readonly rotations: number;
  /** How often the reader is killed. */
  readonly kills: number;
}

/**
 * Reads a log in a process that is killed and continued from its last cursor, while a fast writer splits lines into
 * partial records and the log is rotated. Every line must be read exactly once and in order.
 */
export async function checkLogDelivery(
  t: TestContext,
  { lines, rotations, kills }: LogDelivery,
): Promise<void> {
  const path = join(await tempFolder(t), "0.log");
  const random = new SeededRandom();
  t.diagnostic(`CRI_SDK_TEST_SEED=${random.seed}`);
  const writerArgs = [path, lines, linesPerSecond, rotations].map(String);
  const writer = startProgram("write-fast.ts", writerArgs);
  cleanup(t, () => writer.kill("SIGKILL"));
  const writerExit = once(writer, "exit");
  await until(async () => (await rotatedLogs(path)).length > 0, "the first rotation", 30_000);

  let nextNumber = 0;
  let cursor = "null";
  /** Reads batches from the cursor on, and kills the reader after a number of them. */
  const readBatches = async (limit: number) => {
    const reader = startProgram("read-on.ts", [path, cursor, String(lines - 1)]);
    const closed = once(reader, "close");
    assert.ok(reader.stdout);
    let batches = 0;
    for await (const line of createInterface({ input: reader.stdout })) {
      // The kill cut this line off, so its batch does not count as read.
      if (!line.endsWith("}")) break;
      const batch = JSON.parse(line);
      assert.equal(batch.notice, undefined, line);
      for (const number of batch.numbers) assert.equal(number, nextNumber++);
      cursor = JSON.stringify(batch.cursor);
      if (++batches >= limit) break;
    }
    reader.kill("SIGKILL");
    await closed;
    assert.ok(batches > 0, "the reader delivered nothing");
  };

  const reading = async () => {
    for (let kill = 0; kill < kills; kill++) await readBatches(1 + random.below(6));
    await readBatches(Number.POSITIVE_INFINITY);
  };
  await within(300_000, reading(), "reading the log");
  assert.deepEqual(await writerExit, [0, null]);
  assert.equal(nextNumber, lines);
  assert.equal((await rotatedLogs(path)).length, rotations);
}
