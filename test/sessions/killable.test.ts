// `cri.exec()` with `killOnClose: true`: a shell prints its process ID before it becomes the command, so that a second
// command can kill it.
import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { describe, test } from "node:test";
import type { Cri, ExecOptions } from "../../src/index.js";
import type { ExecContext } from "../../src/server/index.js";
import { failure } from "../support/failure.js";
import { textOf } from "../support/streaming-server.js";
import { until, within } from "../support/waiting.js";
import { containerId, hostRuntime, processesWith } from "./support.js";

/** Larger than any process ID that Linux assigns. */
const unusedPid = "4194304000";

function execKillable(cri: Cri, command: readonly string[], options: ExecOptions = {}) {
  return cri.exec(containerId, command, { ...options, killOnClose: true });
}

/** Prints a process ID as the shell in the container would: after the mark, which is the fourth argument. */
function printPid({ command, stdout }: ExecContext, pid: string): void {
  stdout?.write(`${command[3]}${pid}\n`);
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

describe("the output", () => {
  test("contains stdout and stderr of the command, without the process ID", async (t) => {
    const { cri } = await hostRuntime(t);
    const session = await execKillable(cri, ["sh", "-c", "echo out; echo err >&2; exit 6"]);
    const [stdout, stderr] = await Promise.all([textOf(session.stdout), textOf(session.stderr)]);
    assert.deepEqual([stdout, stderr], ["out\n", "err\n"]);
    assert.equal((await session.ended).exitCode, 6);
  });

  test("contains stderr without the process ID if stdout is not requested", async (t) => {
    const { cri } = await hostRuntime(t);
    const session = await execKillable(cri, ["sh", "-c", "echo err >&2"], { stdout: false });
    assert.equal(session.stdout, undefined);
    assert.equal(await textOf(session.stderr), "err\n");
    assert.equal((await session.ended).exitCode, 0);
  });

  test("is passed on unchanged if it does not begin with a process ID", async (t) => {
    const output = "x".repeat(100_000);
    const { cri } = await hostRuntime(t, {
      async exec({ stdout }) {
        stdout?.write(output);
        return 0;
      },
    });
    const session = await execKillable(cri, ["program"]);
    assert.equal(await textOf(session.stdout), output);
    assert.equal((await session.ended).exitCode, 0);
  });

  for (const killOnClose of [false, true])
    test(`is delivered up to the point where the connection broke (killOnClose: ${killOnClose})`, async (t) => {
      const { cri } = await hostRuntime(t, {
        async exec(context) {
          if (killOnClose) printPid(context, unusedPid);
          context.stdout?.write("x".repeat(100_000));
          await untilAborted(context.signal);
          return 0;
        },
      });
      let socket: Socket | undefined;
      const dial = ({ port }: URL) => {
        socket = connect(Number(port), "127.0.0.1");
        return socket;
      };
      const session = await cri.exec(containerId, ["program"], { killOnClose, stderr: false, dial });
      await until(() => session.stdout?.readableLength === 100_000, "the output has arrived");
      socket?.resetAndDestroy();
      assert.equal((await failure(session.ended)).reason, "connection_lost");

      let bytes = 0;
      const reading = (async () => {
        for await (const part of session.stdout ?? []) bytes += (part as Buffer).byteLength;
      })();
      assert.equal((await failure(reading)).reason, "connection_lost");
      assert.equal(bytes, 100_000);
    });
});

describe("kill()", () => {
  test("sends the signal to the process group of the command", async (t) => {
    const { cri } = await hostRuntime(t);
    const session = await execKillable(cri, ["sh", "-c", "sleep 4200 & echo started; wait"]);
    session.stdout?.once("data", () => session.kill("SIGTERM"));
    assert.deepEqual(await session.ended, { exitCode: 143, signal: "SIGTERM" });
    await until(async () => (await processesWith("sleep 4200")).length === 0, "its child has ended, too");
  });

  test("does nothing after the command has ended", async (t) => {
    const { cri, calls } = await hostRuntime(t);
    const session = await execKillable(cri, ["true"]);
    await session.ended;
    await session.kill();
    assert.deepEqual(
      calls.map(({ name }) => name),
      ["exec"],
    );
  });
});

describe("the end of the session", () => {
  test("close() kills a command that ignores SIGTERM, and can be called twice", async (t) => {
    const { cri } = await hostRuntime(t);
    const session = await execKillable(cri, ["sh", "-c", "trap '' TERM; while :; do sleep 0.42; done"]);
    await until(async () => (await processesWith("sleep 0.42")).length > 0, "the command is running");
    await Promise.all([session.close(), session.close()]);
    assert.equal((await failure(session.ended)).reason, "client_closed");
    assert.deepEqual(await processesWith("trap '' TERM; while :; do sleep 0.42"), []);
  });

  test("the deadline ends a session whose process does not exist", async (t) => {
    const { cri } = await hostRuntime(t, {
      async exec(context) {
        printPid(context, unusedPid);
        await untilAborted(context.signal);
        return 0;
      },
    });
    const session = await execKillable(cri, ["program"], { timeoutMs: 100 });
    assert.equal((await failure(session.ended)).reason, "deadline");
  });

  test("an abort rejects while the runtime has not answered, and the late command is killed", async (t) => {
    const answer = new AbortController();
    const { cri } = await hostRuntime(t, {}, "tcp", () => untilAborted(answer.signal));
    const caller = new AbortController();
    const opening = execKillable(cri, ["sleep", "4300"], { signal: caller.signal });
    caller.abort(new Error("enough"));
    assert.equal((await failure(within(1_000, opening))).reason, "aborted_by_caller");
    answer.abort();
    await until(async () => (await processesWith("sleep 4300")).length === 0, "the late command has ended");
  });
});

describe("the end of a command that printed no process ID", () => {
  // CRI-O prints this line as output of the command, and reports exit code 255.
  const complaint = 'level=error msg="exec failed: executable file not found in $PATH"\n';
  const tty = { tty: true };
  const notStarted = "exec_not_started";
  const cases: readonly [
    title: string,
    result: ExecResult,
    options: ExecOptions,
    expected: number | string,
  ][] = [
    ["the runtime's message is on stderr", { stderr: complaint }, {}, notStarted],
    ["stdout is not requested", { stderr: complaint }, { stdout: false }, notStarted],
    ["the runtime's message is on the terminal", { stdout: complaint }, tty, notStarted],
    ["a terminal, which may have lost the process ID", { exitCode: 1 }, tty, 1],
    ["a shell that was killed", { exitCode: 137 }, {}, 137],
    ["more output than a message of the runtime", { stdout: "x".repeat(100_000) }, {}, 255],
    ["exit code 0", { exitCode: 0 }, {}, 0],
  ];

  for (const [title, result, options, expected] of cases)
    test(`${title}: ${expected}`, async (t) => {
      const { cri } = await hostRuntime(t, {
        async exec({ stdout, stderr }) {
          stdout?.write(result.stdout ?? "");
          stderr?.write(result.stderr ?? "");
          return result.exitCode ?? 255;
        },
      });
      const session = await execKillable(cri, ["/app"], options);
      session.stdout?.resume();
      session.stderr?.resume();
      if (typeof expected === "number") return assert.equal((await session.ended).exitCode, expected);
      const error = await failure(session.ended);
      assert.equal(error.reason, expected);
      assert.match(error.rawMessage, /\/bin\/sh/);
    });
});

/** What a runtime returns for an exec. */
interface ExecResult {
  readonly stdout?: string;
  readonly stderr?: string;
  /** Default: 255. */
  readonly exitCode?: number;
}

describe("invalid arguments are refused before anything is sent", () => {
  const noOutput = { stdin: true, stdout: false, stderr: false } as const;
  const aborted = { signal: AbortSignal.abort(new Error("before")) };
  const cases: readonly [title: string, command: readonly string[], options: ExecOptions, reason: string][] =
    [
      ["neither stdout nor stderr", ["true"], { ...noOutput, killOnClose: true }, "invalid_option"],
      ["an empty command", [], { killOnClose: true }, "invalid_request"],
      ["an empty command without killOnClose", [], {}, "invalid_request"],
      ["a signal that is aborted", ["true"], { ...aborted, killOnClose: true }, "aborted_by_caller"],
      ["a negative timeout", ["true"], { timeoutMs: -5, killOnClose: true }, "invalid_option"],
      ["a negative timeout without killOnClose", ["true"], { timeoutMs: -5 }, "invalid_option"],
      ["NaN as timeout", ["true"], { timeoutMs: Number.NaN, killOnClose: true }, "invalid_option"],
      ["NaN as timeout without killOnClose", ["true"], { timeoutMs: Number.NaN }, "invalid_option"],
    ];
  for (const [title, command, options, reason] of cases)
    test(title, async (t) => {
      const { cri, calls } = await hostRuntime(t);
      assert.equal((await failure(cri.exec(containerId, command, options))).reason, reason);
      assert.equal(calls.length, 0);
    });

  for (const timeoutMs of [-5, Number.NaN])
    for (const killOnClose of [false, true])
      test(`runCommand() with timeoutMs ${timeoutMs} and killOnClose: ${killOnClose}`, async (t) => {
        const { cri, calls } = await hostRuntime(t);
        const running = cri.runCommand(containerId, ["true"], { timeoutMs, killOnClose });
        assert.equal((await failure(running)).reason, "invalid_option");
        assert.equal(calls.length, 0);
      });
});
