import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { ConnectError } from "@connectrpc/connect";
import { isCriError } from "../../src/core/index.js";
import { createTransport } from "../../src/transport/transport.js";
import { events, version } from "./calls.js";
import { nodeArgs } from "./checkout.js";
import { cleanup } from "./cleanup.js";
import { assertNoListeners, checkLeaks } from "./leaks.js";
import { tempFolder } from "./temp.js";
import { until, within } from "./waiting.js";

const callers = 6;
const watchers = 2;

/**
 * Kills and restarts a server while calls and event streams use one transport. Every failure must be `unavailable`, calls
 * must succeed again after each restart, and nothing may be left behind.
 */
export async function checkRestarts(t: TestContext, rounds: number): Promise<void> {
  checkLeaks(t);
  const warnings = collectProcessWarnings(t);
  const server = new KillableServer(join(await tempFolder(t), "mortal.sock"));
  cleanup(t, () => server.kill());
  const transport = createTransport(server.path, { connectAttempts: 4, backoff: { firstMs: 5, maxMs: 30 } });
  cleanup(t, () => transport.close());

  const controller = new AbortController();
  const { signal } = controller;
  const counts = { answers: 0, events: 0, failures: 0 };
  const unexpected: unknown[] = [];
  const repeat = async (work: () => Promise<void>) => {
    while (!signal.aborted) {
      await work().catch((error: unknown) => {
        counts.failures++;
        if (!isUnavailable(error) && !signal.aborted) unexpected.push(error);
      });
      await pause(1);
    }
  };
  const call = async () => {
    const { message } = await version(transport, { signal, timeoutMs: 10_000 });
    assert.equal(message.runtimeName, "mortal");
    counts.answers++;
  };
  const watch = async () => {
    for await (const _ of events(transport, { signal })) counts.events++;
    unexpected.push(new Error("the event stream ended without an error"));
  };

  await server.start();
  const load = [
    ...Array.from({ length: callers }, () => repeat(call)),
    ...Array.from({ length: watchers }, () => repeat(watch)),
  ];
  for (let round = 0; round < rounds; round++) {
    const enough = counts.answers + 10;
    await until(() => counts.answers >= enough, `round ${round}: calls succeed after the restart`, 10_000);
    await server.kill();
    await server.start();
  }
  controller.abort();
  await within(15_000, Promise.all(load), "the end of the calls");
  await within(5_000, transport.close(), "close()");

  t.diagnostic(JSON.stringify(counts));
  assert.deepEqual(unexpected, []);
  assert.deepEqual(warnings, []);
  assertNoListeners(signal);
  assert.ok(counts.failures > 0 && counts.events > 0, "no call was interrupted");
}

/** A server in a process of its own, which starts fast and does not end by itself. */
class KillableServer {
  readonly path: string;
  #child: ChildProcess | undefined;

  constructor(path: string) {
    this.path = path;
  }

  async start(): Promise<void> {
    const args = nodeArgs("test/support/programs/mortal-server.mjs", this.path);
    this.#child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    if (this.#child.stdout) await within(20_000, once(this.#child.stdout, "data"), "the start of the server");
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child) return;
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;
  }
}

function isUnavailable(error: unknown): boolean {
  return error instanceof ConnectError && isCriError(error.cause) && error.cause.code === "unavailable";
}

/** Warnings and unhandled rejections of this process until the end of the test. */
function collectProcessWarnings(t: TestContext): readonly unknown[] {
  const warnings: unknown[] = [];
  const add = (warning: unknown) => warnings.push(warning);
  process.on("unhandledRejection", add).on("warning", add);
  cleanup(t, () => process.off("unhandledRejection", add).off("warning", add));
  return warnings;
}
