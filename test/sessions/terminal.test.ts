import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { type EventEmitter, once } from "node:events";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { attachTerminal, type TerminalProcess } from "../../src/index.js";
import { failureOf } from "../server/support.js";
import { until, within } from "../support/waiting.js";
import { containerId, hostRuntime } from "./support.js";

/** A terminal that notes what is done to it. */
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

test("a session that failed before is told of at once, and the terminal is given back", async (t) => {
  const { cri } = await hostRuntime(t, {
    async exec() {
      throw new Error('exec: "nothing": executable file not found in $PATH');
    },
  });
  const { fake, stdin, raw } = terminal();
  const session = await cri.exec(containerId, ["nothing"], { tty: true, stdin: true });
  assert.equal((await failureOf(session.exit)).reason, "exec_not_started");
  await until(() => session.stdout?.destroyed === true, "the output is over");
  assert.equal((await failureOf(attachTerminal(session, fake))).reason, "exec_not_started");
  assert.deepEqual(raw, [true, false]);
  assert.equal(stdin.listenerCount("data"), 0);
});

test("a session that ended before, and whose output was read, has nothing to wait for", async (t) => {
  const { cri } = await hostRuntime(t);
  const session = await cri.exec(containerId, ["true"]);
  session.stdout?.resume();
  session.stderr?.resume();
  await session.exit;
  await until(() => session.stdout?.closed === true && session.stderr?.closed === true, "both are over");
  await within(5_000, attachTerminal(session, terminal().fake));
});

test("an input that has ended before is one that ends", async (t) => {
  const { cri } = await hostRuntime(t);
  const { fake, stdin } = terminal();
  stdin.end();
  await once(stdin.resume(), "end");
  const session = await cri.exec(containerId, ["cat"], { stdin: true });
  await within(5_000, attachTerminal(session, fake));
  assert.equal((await session.exit).exitCode, 0);
});

test("sizes that are none are not passed on", async (t) => {
  const { cri } = await hostRuntime(t);
  const { fake, stdin, stdout, text } = terminal({ columns: 0, rows: 0 });
  const session = await cri.exec(containerId, ["a shell"], { tty: true, stdin: true });
  const wired = attachTerminal(session, fake);
  const resized = (columns: number, rows: number) => {
    Object.assign(stdout, { columns, rows });
    (stdout as EventEmitter).emit("resize");
  };
  resized(66, 11);
  await until(() => text().includes("size 66x11"), "a size is told");
  resized(0, 11);
  resized(70_000, 11);
  resized(67, 11);
  await until(() => text().includes("size 67x11"), "the next one is told, too");
  stdin.write("\x04");
  await wired;
  assert.doesNotMatch(text(), /size (0|70000)x/);
});

for (const signal of ["SIGHUP", "SIGQUIT"] as const) {
  test(`${signal} gives the terminals back, and ends the process as it would have`, async () => {
    assert.deepEqual(await program(signal), {
      said: ["one raw", "two raw", "one as it was", "two as it was"],
      end: signal,
    });
  });

  test(`a program that hears ${signal} itself goes on, and gives the terminals back when it exits`, async () => {
    assert.deepEqual(await program(signal, "listens"), {
      said: ["one raw", "two raw", "heard", "one as it was", "two as it was"],
      end: 5,
    });
  });
}

/** Runs the program that is on two terminals when a signal comes. */
function program(...args: string[]): Promise<{ said: string[]; end: unknown }> {
  const file = fileURLToPath(new URL("terminal-process.ts", import.meta.url));
  const node = ["--conditions=cri-sdk-source", "--import", "tsx", file, ...args];
  return new Promise((resolve) => {
    execFile(process.execPath, node, { timeout: 30_000, killSignal: "SIGKILL" }, (error, stdout) =>
      resolve({ said: stdout.trim().split("\n"), end: error?.signal ?? error?.code }),
    );
  });
}
