import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { ConnectError } from "@connectrpc/connect";
import { isCriError } from "../../src/core/index.js";
import { createTransport } from "../../src/transport/transport.js";
import { events, version } from "../support/calls.js";
import { cleanup } from "../support/cleanup.js";
import { assertNoListeners, checkLeaks } from "../support/leaks.js";
import { tempFolder } from "../support/temp.js";
import { within } from "../support/waiting.js";

const program = fileURLToPath(new URL("../support/programs/mortal-server.mjs", import.meta.url));
const rounds = 200;

test(`${rounds} kill-and-restart rounds under load`, { timeout: 120_000 }, async (t) => {
  checkLeaks(t);
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => unhandled.push(reason);
  process.on("unhandledRejection", note);
  process.on("warning", note);
  cleanup(t, () => process.off("unhandledRejection", note).off("warning", note));
  const path = join(await tempFolder(t), "mortal.sock");
  let child: ChildProcess | undefined;
  cleanup(t, () => child?.kill("SIGKILL"));
  const start = async () => {
    child = spawn(process.execPath, [program, path], { stdio: ["ignore", "pipe", "inherit"] });
    if (child.stdout) await within(20_000, once(child.stdout, "data"), "the server's start");
  };
  const kill = async () => {
    if (!child) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  };

  const transport = createTransport(path, {
    connectAttempts: 4,
    backoff: { firstMs: 5, maxMs: 30 },
  });
  cleanup(t, () => transport.close());
  const stop = new AbortController();
  const counts = { answered: 0, streamed: 0, failed: 0 };
  const strange: unknown[] = [];
  const failed = (error: unknown) => {
    counts.failed++;
    const typed = error instanceof ConnectError && isCriError(error.cause) ? error.cause : undefined;
    const expected = typed && (typed.code === "unavailable" || stop.signal.aborted);
    if (!expected) strange.push(error);
  };
  let running = true;
  const caller = async () => {
    while (running) {
      try {
        assert.equal(
          (await version(transport, { signal: stop.signal, timeoutMs: 10_000 })).message.runtimeName,
          "mortal",
        );
        counts.answered++;
      } catch (error) {
        failed(error);
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  const watcher = async () => {
    while (running) {
      try {
        for await (const _ of events(transport, { signal: stop.signal })) counts.streamed++;
        strange.push(new Error("the event stream ended in order"));
      } catch (error) {
        failed(error);
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };

  await start();
  const load = [...Array.from({ length: 6 }, caller), watcher(), watcher()];
  for (let round = 0; round < rounds; round++) {
    const before = counts.answered;
    const end = performance.now() + 10_000;
    while (counts.answered < before + 10 && performance.now() < end)
      await new Promise((resolve) => setTimeout(resolve, 2));
    assert.ok(counts.answered >= before + 10, `round ${round}: calls do not come through any more`);
    await kill();
    await start();
  }
  running = false;
  stop.abort();
  await within(15_000, Promise.all(load), "the calls' end");
  await within(5_000, transport.close(), "close()");
  await kill();
  t.diagnostic(JSON.stringify(counts));
  assert.deepEqual(strange, []);
  assert.deepEqual(unhandled, []);
  assertNoListeners(stop.signal);
  assert.ok(counts.failed > 0 && counts.streamed > 0, "the rounds proved nothing");
});
