import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { failureOf } from "../server/support.js";
import { until } from "../support/waiting.js";
import { containerId, hostRuntime, processesWith } from "./support.js";

for (const way of ["tcp", "memory"] as const) {
  test(`${way}: exit code, output, error output, input`, async (t) => {
    const { cri } = await hostRuntime(t, {}, way);
    const script = "wc -c; echo e >&2; exit 4";
    for (const kill of [true, false]) {
      const done = await cri.runCommand(containerId, ["sh", "-c", script], { input: "twelve bytes", kill });
      assert.deepEqual(
        { ...done, stdout: done.stdout.trim() },
        { exitCode: 4, signal: undefined, stdout: "12", stderr: "e\n" },
      );
    }
  });

  test(`${way}: input of all kinds, and 32 MiB there and back`, async (t) => {
    const { cri } = await hostRuntime(t, {}, way);
    const cat = (input: Parameters<typeof cri.runCommand>[2]) => cri.runCommand(containerId, ["cat"], input);
    assert.equal((await cat({ input: ["a", Buffer.from("b"), "c"] })).stdout, "abc");
    const later = (async function* () {
      yield "one ";
      await new Promise((resolve) => setTimeout(resolve, 20));
      yield "two";
    })();
    assert.equal((await cat({ input: later })).stdout, "one two");
    assert.equal((await cat({ input: "" })).stdout, "");
    const bytes = Buffer.alloc(32 * 2 ** 20, "0123456789abcdef\n");
    const back = await cri.runCommand(containerId, ["cat"], {
      input: bytes,
      encoding: "buffer",
      maxOutputBytes: bytes.byteLength,
    });
    assert.ok(back.stdout.equals(bytes));
  });
}

test("without input the command has none", async (t) => {
  const { cri, calls } = await hostRuntime(t);
  assert.equal((await cri.runCommand(containerId, ["cat"])).stdout, "");
  const [call] = calls;
  assert.equal(call && (call.message as { stdin: boolean }).stdin, false);
});

test("a program that is not there, with a shell, without one, and a shell that is not there", async (t) => {
  const { cri } = await hostRuntime(t);
  assert.equal(
    (await failureOf(cri.runCommand(containerId, ["no-such-program"]))).reason,
    "exec_not_started",
  );
  assert.equal((await failureOf(cri.runCommand(containerId, [""]))).reason, "invalid_request");
  const { cri: bare, calls } = await hostRuntime(t, {
    async exec({ command: [file], stdin, stdout }) {
      if (file === "/bin/sh")
        throw new Error('failed to start exec: exec: "/bin/sh": no such file or directory');
      stdout?.write("ran as it is, with ");
      for await (const part of stdin ?? []) stdout?.write(part);
      return 0;
    },
  });
  const once = (async function* () {
    yield "all ";
    yield "of its input";
  })();
  const { stdout } = await bare.runCommand(containerId, ["program"], { input: once });
  assert.equal(stdout, "ran as it is, with all of its input");
  assert.equal(calls.length, 2);
});

test("CRI-O's way to tell that there is no shell; the command then has what is left of the deadline", async (t) => {
  const { cri, calls } = await hostRuntime(t, {
    async exec({ command: [file], stdout, stderr }) {
      if (file === "slow" || file === "/bin/sh") await pause(250);
      if (file !== "/bin/sh") stdout?.write("ran as it is");
      else
        stderr?.write('level=error msg="exec failed: \\"/bin/sh\\": executable file not found in $PATH"\n');
      return file === "/bin/sh" ? 255 : 0;
    },
  });
  const done = await cri.runCommand(containerId, ["/app"]);
  assert.deepEqual([done.exitCode, done.stdout, done.stderr], [0, "ran as it is", ""]);
  assert.equal(calls.length, 2);
  const late = await failureOf(cri.runCommand(containerId, ["slow"], { timeoutMs: 400 }));
  assert.equal(late.reason, "deadline");
  assert.match(late.text, /400 ms/);
  const stop = new AbortController();
  const aborted = failureOf(cri.runCommand(containerId, ["slow"], { signal: stop.signal }));
  stop.abort(new Error("enough"));
  assert.equal((await aborted).reason, "aborted_by_caller");
});

test("too much output ends the command", async (t) => {
  const { cri } = await hostRuntime(t);
  const command = ["sh", "-c", "while :; do echo mark-of-too-much; done"];
  const error = await failureOf(cri.runCommand(containerId, command, { maxOutputBytes: 10_000 }));
  assert.deepEqual([error.code, error.reason], ["resource_exhausted", "output_limit"]);
  await until(async () => (await processesWith("mark-of-too-much")).length === 0, "the command is gone");
  const exact = await cri.runCommand(containerId, ["printf", "12345"], { maxOutputBytes: 5 });
  assert.equal(exact.stdout, "12345");
  assert.equal(
    (await failureOf(cri.runCommand(containerId, ["true"], { maxOutputBytes: -1 }))).reason,
    "invalid_option",
  );
});

test("a deadline, an abort, and an input that fails end the command and what it started", async (t) => {
  const { cri } = await hostRuntime(t);
  const command = ["sh", "-c", "sleep 4100 & sleep 4101"];
  const left = async () =>
    [...(await processesWith("sleep 4100")), ...(await processesWith("sleep 4101"))].length;
  assert.equal(
    (await failureOf(cri.runCommand(containerId, command, { timeoutMs: 150 }))).reason,
    "deadline",
  );
  assert.equal(await left(), 0);
  const stop = new AbortController();
  setTimeout(() => stop.abort(new Error("enough")), 150);
  const aborted = await failureOf(cri.runCommand(containerId, command, { signal: stop.signal }));
  assert.equal(aborted.reason, "aborted_by_caller");
  assert.equal((aborted.cause as Error).message, "enough");
  assert.equal(await left(), 0);
  const input = (async function* () {
    yield "some";
    throw new Error("no more");
  })();
  const failed = await failureOf(cri.runCommand(containerId, command, { input }));
  assert.equal(failed.reason, "aborted_by_caller");
  assert.match(failed.text, /no more/);
  assert.equal(await left(), 0);
  await until(
    async () =>
      (await failureOf(cri.runCommand(containerId, ["true"], { signal: stop.signal }))).reason ===
      "aborted_by_caller",
    "an aborted signal stops at once",
  );
});
