import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { ConnectionWatch } from "../../src/server/streaming/watch.js";
import { duplexPair } from "../support/duplex-pair.js";

function watched(t: TestContext, idleMs: number) {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const [socket] = duplexPair();
  const seen = { silences: 0, probes: 0 };
  const watch = new ConnectionWatch(socket, idleMs, {
    onSilence: () => {
      seen.silences++;
    },
    probe: () => {
      seen.probes++;
    },
  });
  return { socket, watch, seen, pass: (ms: number) => t.mock.timers.tick(ms) };
}

test("a connection that is not read is probed, one that is read is not", (t) => {
  const { socket, seen, pass, watch } = watched(t, 1_000_000);
  pass(60_000);
  assert.equal(seen.probes, 0);
  socket.pause();
  pass(60_000);
  assert.equal(seen.probes, 6);
  socket.resume();
  pass(60_000);
  assert.equal(seen.probes, 6);
  watch.stop();
});

test("after its end it is silent", (t) => {
  const { socket, seen, pass, watch } = watched(t, 1_000);
  watch.stop();
  watch.touch();
  watch.expect(10);
  socket.pause();
  pass(100_000);
  assert.deepEqual(seen, { silences: 0, probes: 0 });
});
