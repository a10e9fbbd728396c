import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { failure } from "../support/failure.js";
import { until } from "../support/waiting.js";
import { containerId, hostRuntime, processesWith } from "./support.js";

for (const way of ["tcp", "memory"] as const) {
  test(`${way}: sends input and collects the exit code, stdout and stderr`, async (t) => {
    const { cri } = await hostRuntime(t, {}, way);
    const script = "wc -c; echo e >&2; exit 4";
    for (const killOnClose of [true, false]) {
      const done = await cri.runCommand(containerId, ["sh", "-c", script], {
        input: "twelve bytes",
        killOnClose,
      });
      assert.deepEqual(
        { ...done, stdout: done.stdout.trim() },
        { exitCode: 4, signal: undefined, stdout: "12", stderr: "e\n" },
      );
    }
  });

  test(`${way}: accepts every kind of input, and 32 MiB in both directions`, async (t) => {
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

test("without input, stdin is not requested", async (t) => {
  const { cri, calls } = await hostRuntime(t);
  assert.equal((await cri.runCommand(containerId, ["cat"])).stdout, "");
  const [call] = calls;
  assert.equal(call && (call.message as { stdin: boolean }).stdin, false);
});

test("a missing program is exec_not_started; with killOnClose and without a shell, the command runs directly", async (t) => {
  const { cri } = await hostRuntime(t);
  assert.equal(
    (await failure(cri.runCommand(containerId, ["no-such-program"], { killOnClose: true }))).reason,
    "exec_not_started",
  );
  assert.equal(
    (await failure(cri.runCommand(containerId, [""], { killOnClose: true }))).reason,
    "invalid_request",
  );
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
  const { stdout } = await bare.runCommand(containerId, ["program"], { input: once, killOnClose: true });
  assert.equal(stdout, "ran as it is, with all of its input");
  assert.equal(calls.length, 2);
});

test("a shell that CRI-O reports as missing: the second attempt has the rest of the deadline", async (t) => {
  const { cri, calls } = await hostRuntime(t, {
    async exec({ command: [file], stdout, stderr }) {
      if (file === "slow" || file === "/bin/sh") await pause(250);
      if (file !== "/bin/sh") stdout?.write("ran as it is");
      else
        stderr?.write('level=error msg="exec failed: \\"/bin/sh\\": executable file not found in $PATH"\n');
      return file === "/bin/sh" ? 255 : 0;
    },
  });
  const done = await cri.runCommand(containerId, ["/app"], { killOnClose: true });
  assert.deepEqual([done.exitCode, done.stdout, done.stderr], [0, "ran as it is", ""]);
  assert.equal(calls.length, 2);
  const late = await failure(cri.runCommand(containerId, ["slow"], { timeoutMs: 400, killOnClose: true }));
  assert.equal(late.reason, "deadline");
  assert.match(late.rawMessage, /400 ms/);
  const stop = new AbortController();
  const aborted = failure(cri.runCommand(containerId, ["slow"], { signal: stop.signal, killOnClose: true }));
  stop.abort(new Error("enough"));
  assert.equal((await aborted).reason, "aborted_by_caller");
});

test("too much output kills the command", async (t) => {
  const { cri } = await hostRuntime(t);
  const command = ["sh", "-c", "while :; do echo mark-of-too-much; done"];
  const error = await failure(
    cri.runCommand(containerId, command, { maxOutputBytes: 10_000, killOnClose: true }),
  );
  assert.deepEqual([error.code, error.reason], ["resource_exhausted", "output_limit"]);
  await until(async () => (await processesWith("mark-of-too-much")).length === 0, "the end of the command");
  const exact = await cri.runCommand(containerId, ["printf", "12345"], { maxOutputBytes: 5 });
  assert.equal(exact.stdout, "12345");
  assert.equal(
    (await failure(cri.runCommand(containerId, ["true"], { maxOutputBytes: -1 }))).reason,
    "invalid_option",
  );
});

test("with killOnClose, a deadline, an abort and a failed input kill the command and its children", async (t) => {
  const { cri } = await hostRuntime(t);
  const command = ["sh", "-c", "sleep 4100 & sleep 4101"];
  const noneRemains = () =>
    until(
      async () =>
        [...(await processesWith("sleep 4100")), ...(await processesWith("sleep 4101"))].length === 0,
      "the command and its child have ended",
    );
  assert.equal(
    (await failure(cri.runCommand(containerId, command, { timeoutMs: 150, killOnClose: true }))).reason,
    "deadline",
  );
  await noneRemains();
  const stop = new AbortController();
  setTimeout(() => stop.abort(new Error("enough")), 150);
  const aborted = await failure(
    cri.runCommand(containerId, command, { signal: stop.signal, killOnClose: true }),
  );
  assert.equal(aborted.reason, "aborted_by_caller");
  assert.equal((aborted.cause as Error).message, "enough");
  await noneRemains();
  const input = (async function* () {
    yield "some";
    throw new Error("no more");
  })();
  const failed = await failure(cri.runCommand(containerId, command, { input, killOnClose: true }));
  assert.equal(failed.reason, "aborted_by_caller");
  assert.match(failed.rawMessage, /no more/);
  await noneRemains();
  await until(
    async () =>
      (await failure(cri.runCommand(containerId, ["true"], { signal: stop.signal }))).reason ===
      "aborted_by_caller",
    "a rejection by the aborted signal",
  );
});

test("without killOnClose, the error of a deadline has a hint that the command may still be running", async (t) => {
  const { cri } = await hostRuntime(t);
  const late = await failure(cri.runCommand(containerId, ["sleep", "4102"], { timeoutMs: 2_000 }));
  assert.equal(late.reason, "deadline");
  assert.match(late.hint ?? "", /Pass `killOnClose: true`/);
});
