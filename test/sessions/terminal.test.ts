import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { type EventEmitter, once } from "node:events";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { attachTerminal } from "../../src/index.js";
import type { TerminalProcess } from "../../src/streaming.js";
import { nodeArgs } from "../support/checkout.js";
import { failure } from "../support/failure.js";
import { until, within } from "../support/waiting.js";
import { containerId, hostRuntime } from "./support.js";

/** Creates a fake terminal that records its changes. */
function terminal({ columns = 90, rows = 20 } = {}) {
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
  const stdout = Object.assign(new PassThrough(), { isTTY: true, columns, rows });
  stdout.on("data", (part) => shown.push(String(part)));
  const stderr = new PassThrough();
  // Implements the used part of Node's terminals.
  const fake = { stdin, stdout, stderr } as unknown as TerminalProcess;
  return { fake, stdin, stdout, stderr, raw, text: () => shown.join("") };
}

test("connects a terminal with raw mode, sizes, input and output, and restores it afterwards", async (t) => {
  const { cri } = await hostRuntime(t);
  const { fake, stdin, stdout, raw, text } = terminal();
  const exits = process.listenerCount("exit");
  const session = await cri.exec(containerId, ["a shell"], { tty: true, stdin: true });
  const wired = attachTerminal(session, fake);
  await until(() => text().includes("size 90x20"), "the initial size");
  stdout.columns = 70;
  (stdout as EventEmitter).emit("resize");
  await until(() => text().includes("size 70x20"), "the new size");
  stdin.write("x");
  await until(() => text().includes('typed "x"'), "the typed key");
  stdin.write("\x04");
  await wired;
  assert.equal((await session.ended).exitCode, 7);
  assert.deepEqual(raw, [true, false]);
  assert.equal(stdout.listenerCount("resize"), 0);
  assert.equal(stdin.listenerCount("data"), 0);
  assert.equal(process.listenerCount("exit"), exits);
  assert.ok(stdin.isPaused());
});

test("restores the terminal after an error", async (t) => {
  const { cri } = await hostRuntime(t);
  const { fake, raw } = terminal();
  const session = await cri.exec(containerId, ["a shell"], { tty: true, stdin: true, timeoutMs: 150 });
  assert.equal((await failure(attachTerminal(session, fake))).reason, "deadline");
  assert.deepEqual(raw, [true, false]);
});

test("detach keys end the session; an incomplete sequence is sent to the command", async (t) => {
  const { cri } = await hostRuntime(t);
  const { fake, stdin, text } = terminal();
  const session = await cri.exec(containerId, ["a shell"], { tty: true, stdin: true });
  const wired = attachTerminal(session, fake, { detachKeys: "\x10\x11" }).catch((error) => error.reason);
  stdin.write("\x10a");
  await until(() => text().includes('typed "\\u0010a"'), "the incomplete sequence");
  stdin.write("\x10");
  stdin.write("\x11");
  assert.equal(await wired, "client_closed");
  assert.equal((await failure(session.ended)).reason, "client_closed");
});

test("without a terminal on either side, input ends and both outputs are written", async (t) => {
  const { cri } = await hostRuntime(t);
  const { fake, stdin, stderr, raw, text } = terminal();
  const errors: string[] = [];
  stderr.on("data", (part) => errors.push(String(part)));
  const session = await cri.exec(containerId, ["sh", "-c", "cat; echo done >&2"], { stdin: true });
  const wired = attachTerminal(session, fake);
  stdin.end("piped in");
  await wired;
  assert.equal((await session.ended).exitCode, 0);
  assert.deepEqual([text(), errors.join(""), raw], ["piped in", "done\n", []]);
});

test("rejects at once for a session that has already failed, and restores the terminal", async (t) => {
  const { cri } = await hostRuntime(t, {
    async exec() {
      throw new Error('exec: "nothing": executable file not found in $PATH');
    },
  });
  const { fake, stdin, raw } = terminal();
  const session = await cri.exec(containerId, ["nothing"], { tty: true, stdin: true });
  assert.equal((await failure(session.ended)).reason, "exec_not_started");
  await until(() => session.stdout?.destroyed === true, "the end of the output");
  assert.equal((await failure(attachTerminal(session, fake))).reason, "exec_not_started");
  assert.deepEqual(raw, [true, false]);
  assert.equal(stdin.listenerCount("data"), 0);
});

test("resolves for a session that has ended and whose output was read", async (t) => {
  const { cri } = await hostRuntime(t);
  const session = await cri.exec(containerId, ["true"]);
  session.stdout?.resume();
  session.stderr?.resume();
  await session.ended;
  await until(
    () => session.stdout?.closed === true && session.stderr?.closed === true,
    "the end of both outputs",
  );
  await within(5_000, attachTerminal(session, terminal().fake));
});

test("an input that has already ended ends the command's input", async (t) => {
  const { cri } = await hostRuntime(t);
  const { fake, stdin } = terminal();
  stdin.end();
  await once(stdin.resume(), "end");
  const session = await cri.exec(containerId, ["cat"], { stdin: true });
  await within(5_000, attachTerminal(session, fake));
  assert.equal((await session.ended).exitCode, 0);
});

test("invalid sizes are not sent", async (t) => {
  const { cri } = await hostRuntime(t);
  const { fake, stdin, stdout, text } = terminal({ columns: 0, rows: 0 });
  const session = await cri.exec(containerId, ["a shell"], { tty: true, stdin: true });
  const wired = attachTerminal(session, fake);
  const resized = (columns: number, rows: number) => {
    Object.assign(stdout, { columns, rows });
    (stdout as EventEmitter).emit("resize");
  };
  resized(66, 11);
  await until(() => text().includes("size 66x11"), "the valid size");
  resized(0, 11);
  resized(70_000, 11);
  resized(67, 11);
  await until(() => text().includes("size 67x11"), "the next valid size");
  stdin.write("\x04");
  await wired;
  assert.doesNotMatch(text(), /size (0|70000)x/);
});

for (const signal of ["SIGHUP", "SIGQUIT"] as const) {
  test(`${signal} restores the terminals and still ends the process`, async () => {
    assert.deepEqual(await program(signal), {
      printed: ["one raw", "two raw", "one restored", "two restored"],
      end: signal,
    });
  });

  test(`a program with its own ${signal} listener continues, and its exit restores the terminals`, async () => {
    assert.deepEqual(await program(signal, "listens"), {
      printed: ["one raw", "two raw", "signal received", "one restored", "two restored"],
      end: 5,
    });
  });
}

/** Runs a program that has attached two terminals when the signal arrives. */
function program(...args: string[]): Promise<{ printed: string[]; end: unknown }> {
  const node = nodeArgs("test/sessions/terminal-process.ts", ...args);
  return new Promise((resolve) => {
    execFile(process.execPath, node, { timeout: 30_000, killSignal: "SIGKILL" }, (error, stdout) =>
      resolve({ printed: stdout.trim().split("\n"), end: error?.signal ?? error?.code }),
    );
  });
}
