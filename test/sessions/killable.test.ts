import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import type { ExecOptions } from "../../src/index.js";
import { failureOf, textOf } from "../server/support.js";
import { until } from "../support/waiting.js";
import { containerId, hostRuntime, processesWith } from "./support.js";

test("what tells the process id is not seen in the output", async (t) => {
  const { cri } = await hostRuntime(t);
  const session = await cri.exec(containerId, ["sh", "-c", "echo out; echo err >&2; exit 6"], { kill: true });
  const [out, err, exit] = await Promise.all([textOf(session.stdout), textOf(session.stderr), session.exit]);
  assert.deepEqual([out, err, exit.exitCode], ["out\n", "err\n", 6]);
  const onlyErr = await cri.exec(containerId, ["sh", "-c", "echo err >&2"], { kill: true, stdout: false });
  assert.equal(onlyErr.stdout, undefined);
  assert.equal(await textOf(onlyErr.stderr), "err\n");
  assert.equal((await onlyErr.exit).exitCode, 0);
});

test("kill sends a signal to the command's group; after the end it does nothing", async (t) => {
  const { cri, calls } = await hostRuntime(t);
  const session = await cri.exec(containerId, ["sleep", "4200"], { kill: true });
  await session.kill("SIGTERM");
  assert.deepEqual(await session.exit, { exitCode: 143, signal: "SIGTERM" });
  await session.kill();
  assert.equal(calls.filter(({ name }) => name === "execSync").length, 1);
});

test("a command that hears no SIGTERM ends by close()", async (t) => {
  const { cri } = await hostRuntime(t, {});
  const session = await cri.exec(containerId, ["sh", "-c", "trap '' TERM; while :; do sleep 0.42; done"], {
    kill: true,
  });
  await until(async () => (await processesWith("sleep 0.42")).length > 0, "the command runs");
  await Promise.all([session.close(), session.close()]);
  assert.equal((await failureOf(session.exit)).reason, "client_closed");
  assert.deepEqual(await processesWith("trap '' TERM; while :; do sleep 0.42"), []);
});

test("a kill that fails is told with the reason of the end", async (t) => {
  const { cri } = await hostRuntime(t, {
    async exec({ command, stdout, signal }) {
      // The process id of nobody.
      stdout?.write(`${command[3]}4194304000\n`);
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      return 0;
    },
  });
  const session = await cri.exec(containerId, ["program"], { kill: true, timeoutMs: 100 });
  const error = await failureOf(session.exit, 20_000);
  assert.equal(error.reason, "deadline");
});

test("kill needs an output, and a command", async (t) => {
  const { cri } = await hostRuntime(t);
  const none = { kill: true, stdin: true, stdout: false, stderr: false } as const;
  assert.equal((await failureOf(cri.exec(containerId, ["true"], none))).reason, "invalid_option");
  assert.equal((await failureOf(cri.exec(containerId, [], { kill: true }))).reason, "invalid_request");
  assert.equal((await failureOf(cri.exec(containerId, []))).reason, "invalid_request");
  const signal = AbortSignal.abort(new Error("before"));
  assert.equal(
    (await failureOf(cri.exec(containerId, ["true"], { kill: true, signal }))).reason,
    "aborted_by_caller",
  );
});

test("output that goes on without the mark is given as it is", async (t) => {
  const { cri } = await hostRuntime(t, {
    async exec({ stdout }) {
      stdout?.write("x".repeat(100_000));
      return 0;
    },
  });
  const session = await cri.exec(containerId, ["program"], { kill: true });
  assert.equal((await textOf(session.stdout)).length, 100_000);
  assert.equal((await session.exit).exitCode, 0);
});

test("an abort while the runtime does not answer rejects at once, and what comes later is ended", async (t) => {
  let answer: () => void = () => undefined;
  const slow = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const { cri } = await hostRuntime(t, {}, "tcp", () => slow);
  const stop = new AbortController();
  const opening = cri.exec(containerId, ["sleep", "4300"], { kill: true, signal: stop.signal });
  stop.abort(new Error("enough"));
  assert.equal((await failureOf(opening, 1_000)).reason, "aborted_by_caller");
  answer();
  await until(async () => (await processesWith("sleep 4300")).length === 0, "the late command is gone");
});

test("without the mark, an exit code other than 0 means that no shell started the command", async (t) => {
  let end = { said: "", complaint: "", exitCode: 0 };
  const { cri } = await hostRuntime(t, {
    async exec({ stdout, stderr }) {
      stdout?.write(end.said);
      stderr?.write(end.complaint);
      return end.exitCode;
    },
  });
  const run = async (ends: Partial<typeof end>, options: ExecOptions = {}) => {
    end = { said: "", complaint: "", exitCode: 255, ...ends };
    const session = await cri.exec(containerId, ["/app"], { kill: true, ...options });
    session.stdout?.resume();
    session.stderr?.resume();
    return session.exit.then(
      ({ exitCode }) => exitCode,
      ({ reason, text }) => `${reason}: ${/[/]bin[/]sh/.test(text)}`,
    );
  };
  // CRI-O's way to tell of it.
  const complaint = 'level=error msg="exec failed: executable file not found in $PATH"\n';
  assert.equal(await run({ complaint }), "exec_not_started: true");
  assert.equal(await run({ complaint }, { stdout: false }), "exec_not_started: true");
  assert.equal(await run({ said: complaint }, { tty: true }), "exec_not_started: true");
  // The little that a command prints on a terminal may have got lost, and the mark with it.
  assert.equal(await run({ exitCode: 1 }, { tty: true }), 1);
  assert.equal(await run({ exitCode: 137 }), 137, "a shell that was killed was there");
  assert.equal(await run({ said: "x".repeat(100_000) }), 255, "it went on too long");
  assert.equal(await run({ exitCode: 0 }), 0);
});

test("the output that came before the connection broke is delivered, then the output breaks", async (t) => {
  const { cri } = await hostRuntime(t, {
    async exec({ command, stdout, signal }) {
      if (command[0] === "/bin/sh") stdout?.write(`${command[3]}4194304000\n`);
      stdout?.write("x".repeat(100_000));
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      return 0;
    },
  });
  for (const kill of [false, true]) {
    let socket: Socket | undefined;
    const dial = ({ port }: URL) => {
      socket = connect(Number(port), "127.0.0.1");
      return socket;
    };
    const { stdout, exit } = await cri.exec(containerId, ["program"], { kill, stderr: false, dial });
    await until(() => stdout?.readableLength === 100_000, "all of it has come");
    socket?.resetAndDestroy();
    assert.equal((await failureOf(exit)).reason, "connection_lost");
    let bytes = 0;
    const read = (async () => {
      for await (const part of stdout ?? []) bytes += (part as Buffer).byteLength;
    })();
    assert.equal((await failureOf(read)).reason, "connection_lost");
    assert.equal(bytes, 100_000);
  }
});

test("the deadline is checked", async (t) => {
  const { cri, calls } = await hostRuntime(t);
  for (const timeoutMs of [-5, Number.NaN])
    for (const kill of [false, true]) {
      const options = { timeoutMs, kill };
      assert.equal((await failureOf(cri.exec(containerId, ["true"], options))).reason, "invalid_option");
      assert.equal(
        (await failureOf(cri.runCommand(containerId, ["true"], options))).reason,
        "invalid_option",
      );
    }
  assert.equal(calls.length, 0);
});
