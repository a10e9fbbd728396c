import assert from "node:assert/strict";
import { test } from "node:test";
import { InputStream } from "../../src/streaming/io.js";

/** An input whose command takes nothing. */
function stuck() {
  const events: string[] = [];
  const input = new InputStream({ write: () => undefined, end: () => events.push("end told") });
  for (const event of ["drain", "finish", "error", "close"]) input.on(event, () => void events.push(event));
  return { input, events };
}

/** All that the end of a session sets going has happened. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
}

test("at the end of a session, a writer that waits for room is told, then the input closes", async () => {
  const { input, events } = stuck();
  const written: unknown[] = [];
  let room = true;
  for (let part = 0; part < 3; part++)
    room = input.write(Buffer.alloc(65_536), (error) => written.push(error ?? "taken"));
  assert.equal(room, false);
  input.close();
  await settled();
  assert.deepEqual(written, ["taken", "taken", "taken"]);
  assert.deepEqual(events, ["drain", "close"]);
});

test("an input that was ended finishes, even if nobody took it", async () => {
  const { input, events } = stuck();
  input.write(Buffer.alloc(100_000));
  input.end("the rest");
  input.close();
  await settled();
  assert.deepEqual(events, ["finish", "close"]);
});
