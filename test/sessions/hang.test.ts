// Answers of sessions while the runtime hangs: they come with the deadline or the signal, and never wait for clean-up.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type Cri, connect } from "../../src/index.js";
import { failure } from "../support/failure.js";
import { scripted } from "../support/scripted-transport.js";
import { until, within } from "../support/waiting.js";
import { containerId, execSyncOnHost, hostRuntime, processesWith } from "./support.js";

/** Much less than any limit of clean-up. */
const promptMs = 3_000;

/** Starts a runtime on which commands start, but which does not respond to ExecSync, by which they are killed, until `release()`. */
async function hangingKill(t: TestContext): Promise<{ readonly cri: Cri; release(): void }> {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { cri } = await hostRuntime(t, {}, "tcp", undefined, (request) =>
    released.then(() => execSyncOnHost(request)),
  );
  return { cri, release };
}

// Ends by itself, so that no process remains after a test in which nothing kills it.
const sleeping = "sleep 20.25";
const command = ["sh", "-c", `echo started; exec ${sleeping}`];

test("runCommand: the deadline and the signal do not wait until the command is killed", async (t) => {
  const { cri, release } = await hangingKill(t);
  const late = cri.runCommand(containerId, command, { timeoutMs: 300, killOnClose: true });
  assert.equal((await within(promptMs, failure(late))).reason, "deadline");
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 300);
  const aborted = cri.runCommand(containerId, command, { signal: stop.signal, killOnClose: true });
  assert.equal((await within(promptMs, failure(aborted))).reason, "aborted_by_caller");
  const printing = ["sh", "-c", `yes | head -c 100000; exec ${sleeping}`];
  const limited = cri.runCommand(containerId, printing, { maxOutputBytes: 1_000, killOnClose: true });
  assert.equal((await within(promptMs, failure(limited))).reason, "output_limit");
  release();
  await until(async () => (await processesWith(sleeping)).length === 0, "all commands were killed after all");
});

test("exec: `ended` rejects at once, and close() waits for the kill for a limited time", async (t) => {
  const { cri, release } = await hangingKill(t);
  const session = await cri.exec(containerId, command, { killOnClose: true });
  await new Promise((resolve) => session.stdout?.once("data", resolve));
  const closed = session.close();
  assert.equal((await within(promptMs, failure(session.ended))).reason, "client_closed");
  await within(30_000, closed, "close()");
  release();
});

test("kill() rejects with `deadline`", async (t) => {
  const { cri, release } = await hangingKill(t);
  const session = await cri.exec(containerId, command, { killOnClose: true });
  assert.equal((await within(30_000, failure(session.kill()))).reason, "deadline");
  release();
  await session.close();
});

for (const killOnClose of [false, true])
  for (const name of ["exec", "attach", "port-forward"] as const) {
    if (killOnClose && name !== "exec") continue;
    test(`${name}, killOnClose ${killOnClose}: the RPC for the URL is canceled with the session`, async () => {
      const transport = scripted(() => new Promise(() => undefined));
      const cri = connect.through({ transport });
      const stop = new AbortController();
      const options = { signal: stop.signal, connectTimeoutMs: 1_000 };
      const opening =
        name === "exec"
          ? cri.exec(containerId, ["true"], { ...options, killOnClose })
          : name === "attach"
            ? cri.attach(containerId, options)
            : cri.portForward(containerId, options).connect(80);
      setTimeout(() => stop.abort(), 50);
      assert.equal((await within(promptMs, failure(opening))).reason, "aborted_by_caller");
      const [call] = transport.calls;
      assert.ok(call?.signal);
      const { signal } = call;
      // With killOnClose, the command may start late and must then be killed, so the call ends with `connectTimeoutMs`.
      if (!signal.aborted)
        await within(
          promptMs,
          new Promise((resolve) => signal.addEventListener("abort", resolve)),
          "the RPC",
        );
    });
  }
