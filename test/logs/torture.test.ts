// A fast writer, 50 rotations, lines in pieces, and a reader in a process of its own that is killed 20 times: every line once, in order.
import assert from "node:assert/strict";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { rotatedLogs } from "../../src/logs/index.js";
import { startProgram } from "../support/programs.js";
import { SeededRandom } from "../support/random.js";
import { tempFolder } from "../support/temp.js";
import { within } from "../support/waiting.js";

const lines = 200_000;
const kills = 20;

test("every line once and in order, through 50 rotations and 20 kills", { timeout: 110_000 }, async (t) => {
  const path = join(await tempFolder(t), "0.log");
  const random = new SeededRandom();
  t.diagnostic(`CRI_SDK_TEST_SEED=${random.seed}`);
  const writer = startProgram("../../logs/programs/write-fast.ts", [path, String(lines), "20000", "50"]);
  t.after(() => writer.kill("SIGKILL"));
  const writerEnd = once(writer, "exit");
  while ((await rotatedLogs(path)).length === 0) await new Promise((resolve) => setTimeout(resolve, 10));

  let next = 0;
  let cursor = "null";
  let batches = 0;
  /** Takes batches of one reader, and kills it after so many; of the last one, all. */
  const read = async (atMost: number) => {
    const child = startProgram("../../logs/programs/read-on.ts", [path, cursor, String(lines - 1)]);
    const exit = once(child, "close");
    assert.ok(child.stdout);
    let taken = 0;
    // Only whole lines count: what the kill cut off was not processed.
    const output = createInterface({ input: child.stdout });
    for await (const line of output) {
      if (!line.endsWith("}")) break;
      const given = JSON.parse(line);
      assert.equal(given.notice, undefined, line);
      for (const number of given.numbers) assert.equal(number, next++);
      cursor = JSON.stringify(given.cursor);
      batches++;
      if (++taken >= atMost) break;
    }
    child.kill("SIGKILL");
    await exit;
  };
  const reading = async () => {
    for (let kill = 0; kill < kills; kill++) await read(1 + random.below(6));
    await read(Number.POSITIVE_INFINITY);
  };
  await within(100_000, reading(), "the reading");
  assert.deepEqual(await writerEnd, [0, null]);
  assert.equal(next, lines);
  assert.equal((await rotatedLogs(path)).length, 50);
  assert.ok(batches > kills);
});
