import assert from "node:assert/strict";
import { createReadStream, statSync } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";
import { failure } from "../support/failure.js";
import { textOf } from "../support/streaming-server.js";
import { until, within } from "../support/waiting.js";
import { containerId, hostRuntime } from "./support.js";

/** Creates an input without an end, and records when it was canceled. */
function endless() {
  const input = { over: false, chunks: 0 };
  const chunks = (async function* () {
    try {
      for (;;) {
        input.chunks++;
        yield "more\n";
        await new Promise(setImmediate);
      }
    } finally {
      input.over = true;
    }
  })();
  return { input, chunks };
}

for (const killOnClose of [false, true]) {
  test(`killOnClose ${killOnClose}: an endless input is canceled when the command ends`, async (t) => {
    const { cri } = await hostRuntime(t);
    const session = await cri.exec(containerId, ["head", "-c1"], { stdin: true, killOnClose });
    const { stdin, stdout, stderr, ended } = session;
    assert.ok(stdin);
    stdout?.resume();
    stderr?.resume();
    const errors: unknown[] = [];
    stdin.on("error", (error) => errors.push(error));
    const { input, chunks } = endless();
    const piped = pipeline(chunks, stdin).then(
      () => "resolved",
      (error: NodeJS.ErrnoException) => error.code,
    );
    assert.equal((await ended).exitCode, 0);
    assert.equal(await within(5_000, piped, "the pipeline's end"), "ERR_STREAM_PREMATURE_CLOSE");
    assert.deepEqual([stdin.writable, stdin.destroyed, input.over, errors], [false, true, true, []]);
    const late = await new Promise((resolve) => stdin.write("late", resolve));
    assert.equal((late as NodeJS.ErrnoException).code, "ERR_STREAM_DESTROYED");
  });

  test(`killOnClose ${killOnClose}: runCommand succeeds when the command does not read all of its input`, async (t) => {
    const { cri } = await hostRuntime(t);
    const { input, chunks } = endless();
    const command = ["sh", "-c", "head -c1; echo said; exit 3"];
    const done = await within(10_000, cri.runCommand(containerId, command, { input: chunks, killOnClose }));
    assert.deepEqual([done.exitCode, done.stdout], [3, "msaid\n"]);
    await until(() => input.over, "the cancellation of the input");
  });
}

test("an input that was ended in time finishes, even if the command did not read it", async (t) => {
  const { cri } = await hostRuntime(t);
  const session = await cri.exec(containerId, ["true"], { stdin: true });
  session.stdout?.resume();
  session.stderr?.resume();
  assert.ok(session.stdin);
  await within(5_000, pipeline(Readable.from(["all ", "of it"]), session.stdin));
  assert.equal((await session.ended).exitCode, 0);
});

for (const killOnClose of [false, true])
  test(`killOnClose ${killOnClose}: exec sends the option input and its end`, async (t) => {
    const { cri } = await hostRuntime(t);
    const session = await cri.exec(containerId, ["wc", "-c"], { input: "twelve bytes", killOnClose });
    assert.equal((await textOf(session.stdout)).trim(), "12");
    assert.equal((await session.ended).exitCode, 0);
  });

test("an input that fails ends the session with its error", async (t) => {
  const { cri } = await hostRuntime(t);
  const input = (async function* () {
    yield "some";
    throw new Error("no more");
  })();
  const session = await cri.exec(containerId, ["cat"], { input });
  const error = await failure(session.ended);
  assert.equal(error.reason, "aborted_by_caller");
  assert.match(error.rawMessage, /the command's input failed: no more/);
});

for (const [name, broken, message] of [
  ["is missing", () => createReadStream("/no/such/file"), /the command's input failed: ENOENT/],
  ["is destroyed", () => createReadStream("/dev/zero").once("data", closeIt), /premature close/i],
  ["was destroyed before", () => createReadStream("/dev/zero").destroy(), /premature close/i],
] as const)
  test(`an input file that ${name} ends the session with its error`, async (t) => {
    const { cri } = await hostRuntime(t);
    const running = cri.runCommand(containerId, ["cat"], { input: broken(), maxOutputBytes: 2 ** 30 });
    const error = await within(10_000, failure(running));
    assert.equal(error.reason, "aborted_by_caller");
    assert.match(error.rawMessage, message);
  });

function closeIt(this: Readable): void {
  this.destroy();
}

test("an input file is sent to its end, and closed when the command does not read it", async (t) => {
  const { cri } = await hostRuntime(t);
  const bytes = statSync(process.execPath).size;
  const { stdout } = await cri.runCommand(containerId, ["wc", "-c"], {
    input: createReadStream(process.execPath),
  });
  assert.equal(stdout.trim(), String(bytes));
  const unread = createReadStream("/dev/zero");
  await within(10_000, cri.runCommand(containerId, ["true"], { input: unread }));
  await until(() => unread.destroyed, "the end of the file");
});

test("attach sends the option input", async (t) => {
  const { cri } = await hostRuntime(t);
  const session = await cri.attach(containerId, { input: "to the container", stderr: false });
  assert.equal(await textOf(session.stdout), "to the container");
  await session.ended;
});

test("stdin: false cannot be combined with input", async (t) => {
  const { cri, calls } = await hostRuntime(t);
  const error = await failure(cri.exec(containerId, ["cat"], { stdin: false, input: "x" }));
  assert.equal(error.reason, "invalid_option");
  assert.equal(calls.length, 0);
});
