import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { ConnectionMonitor } from "../../src/server/streaming/monitor.js";
import { duplexPair } from "../support/duplex-pair.js";

function watched(t: TestContext, idleMs: number) {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const [socket] = duplexPair();
  const seen = { silences: 0, probes: 0 };
  const watch = new ConnectionMonitor(socket, idleMs, {
    onIdle: () => {
      seen.silences++;
    },
    probe: () => {
      seen.probes++;
    },
  });
  return { socket, watch, seen, pass: (ms: number) => t.mock.timers.tick(ms) };
}

test("a paused connection is probed, a reading one is not", (t) => {
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

test("after stop() no callback runs", (t) => {
  const { socket, seen, pass, watch } = watched(t, 1_000);
  watch.stop();
  watch.touch();
  watch.closeAfter(10);
  socket.pause();
  pass(100_000);
  assert.deepEqual(seen, { silences: 0, probes: 0 });
});
