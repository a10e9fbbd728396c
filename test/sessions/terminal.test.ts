import assert from "node:assert/strict";
import type { EventEmitter } from "node:events";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { attachTerminal, type TerminalProcess } from "../../src/index.js";
import { failureOf } from "../server/support.js";
import { until } from "../support/waiting.js";
import { containerId, hostRuntime } from "./support.js";

/** A terminal that notes what is done to it. */
function terminal() {
  const raw: boolean[] = [];
  const shown: string[] = [];
  const stdin = Object.assign(new PassThrough(), {
    isTTY: true,
    isRaw: false,
    setRawMode(this: { isRaw: boolean }, mode: boolean) {
      this.isRaw = mode;
      raw.push(mode);
      return this;
    },
  });
  const stdout = Object.assign(new PassThrough(), { isTTY: true, columns: 90, rows: 20 });
  stdout.on("data", (part) => shown.push(String(part)));
  const stderr = new PassThrough();
  // As much of Node's terminals as is used.
  const fake = { stdin, stdout, stderr } as unknown as TerminalProcess;
  return { fake, stdin, stdout, stderr, raw, text: () => shown.join("") };
}

test("a terminal: raw mode, sizes, input and output; and all as it was afterwards", async (t) => {
  const { cri } = await hostRuntime(t);
  const { fake, stdin, stdout, raw, text } = terminal();
  const exits = process.listenerCount("exit");
  const session = await cri.exec(containerId, ["a shell"], { tty: true, stdin: true });
  const wired = attachTerminal(session, fake);
  await until(() => text().includes("size 90x20"), "the size is told");
  stdout.columns = 70;
  (stdout as EventEmitter).emit("resize");
  await until(() => text().includes("size 70x20"), "the new size is told");
  stdin.write("x");
  await until(() => text().includes('typed "x"'), "what is typed arrives");
  stdin.write("\x04");
  await wired;
  assert.equal((await session.exit).exitCode, 7);
  assert.deepEqual(raw, [true, false]);
  assert.equal(stdout.listenerCount("resize"), 0);
  assert.equal(stdin.listenerCount("data"), 0);
  assert.equal(process.listenerCount("exit"), exits);
  assert.ok(stdin.isPaused());
});

test("an error gives the terminal back, too", async (t) => {
  const { cri } = await hostRuntime(t);
  const { fake, raw } = terminal();
  const session = await cri.exec(containerId, ["a shell"], { tty: true, stdin: true, timeoutMs: 150 });
  assert.equal((await failureOf(attachTerminal(session, fake))).reason, "deadline");
  assert.deepEqual(raw, [true, false]);
});

test("detach keys leave the session; keys that only look like them do not", async (t) => {
  const { cri } = await hostRuntime(t);
  const { fake, stdin, text } = terminal();
  const session = await cri.exec(containerId, ["a shell"], { tty: true, stdin: true });
  const wired = attachTerminal(session, fake, { detachKeys: "\x10\x11" }).catch((error) => error.reason);
  stdin.write("\x10a");
  await until(() => text().includes('typed "\\u0010a"'), "what was no detach key arrives");
  stdin.write("\x10");
  stdin.write("\x11");
  assert.equal(await wired, "client_closed");
  assert.equal((await failureOf(session.exit)).reason, "client_closed");
});

test("without a terminal on either side, input ends and both outputs are passed on", async (t) => {
  const { cri } = await hostRuntime(t);
  const { fake, stdin, stderr, raw, text } = terminal();
  const errors: string[] = [];
  stderr.on("data", (part) => errors.push(String(part)));
  const session = await cri.exec(containerId, ["sh", "-c", "cat; echo done >&2"], { stdin: true });
  const wired = attachTerminal(session, fake);
  stdin.end("piped in");
  await wired;
  assert.equal((await session.exit).exitCode, 0);
  assert.deepEqual([text(), errors.join(""), raw], ["piped in", "done\n", []]);
});
