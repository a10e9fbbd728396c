import assert from "node:assert/strict";
import { test } from "node:test";
import { InputStream } from "../../src/streaming/input.js";

/** Creates an input whose command reads nothing. */
function unreadInput() {
  const events: string[] = [];
  const input = new InputStream({ write: () => undefined, end: () => events.push("end sent") });
  for (const event of ["drain", "finish", "error", "close"]) input.on(event, () => void events.push(event));
  return { input, events };
}

/** Waits for the events that the end of a session causes. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
}

test("at the end of a session, a waiting writer continues, then the input closes", async () => {
  const { input, events } = unreadInput();
  const written: unknown[] = [];
  let hasRoom = true;
  for (let part = 0; part < 3; part++)
    hasRoom = input.write(Buffer.alloc(65_536), (error) => written.push(error ?? "written"));
  assert.equal(hasRoom, false);
  input.close();
  await settled();
  assert.deepEqual(written, ["written", "written", "written"]);
  assert.deepEqual(events, ["drain", "close"]);
});

test("an ended input finishes, even if the command did not read it", async () => {
  const { input, events } = unreadInput();
  input.write(Buffer.alloc(100_000));
  input.end("the rest");
  input.close();
  await settled();
  assert.deepEqual(events, ["finish", "close"]);
});
