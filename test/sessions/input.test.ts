import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";
import { until, within } from "../support/waiting.js";
import { containerId, hostRuntime } from "./support.js";

/** An input that has no end, and tells when it is given up. */
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

for (const kill of [false, true]) {
  test(`kill ${kill}: an input without an end is given up when the command ends`, async (t) => {
    const { cri } = await hostRuntime(t);
    const session = await cri.exec(containerId, ["head", "-c1"], { stdin: true, kill });
    const { stdin, stdout, stderr, exit } = session;
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
    assert.equal((await exit).exitCode, 0);
    assert.equal(await within(5_000, piped, "the pipeline's end"), "ERR_STREAM_PREMATURE_CLOSE");
    assert.deepEqual([stdin.writable, stdin.destroyed, input.over, errors], [false, true, true, []]);
    const late = await new Promise((resolve) => stdin.write("late", resolve));
    assert.equal((late as NodeJS.ErrnoException).code, "ERR_STREAM_DESTROYED");
  });

  test(`kill ${kill}: runCommand succeeds with a command that does not read all of its input`, async (t) => {
    const { cri } = await hostRuntime(t);
    const { input, chunks } = endless();
    const command = ["sh", "-c", "head -c1; echo said; exit 3"];
    const done = await within(10_000, cri.runCommand(containerId, command, { input: chunks, kill }));
    assert.deepEqual([done.exitCode, done.stdout], [3, "msaid\n"]);
    await until(() => input.over, "the input is given up");
  });
}

test("an input that was ended in time finishes, whether it was read or not", async (t) => {
  const { cri } = await hostRuntime(t);
  const session = await cri.exec(containerId, ["true"], { stdin: true });
  session.stdout?.resume();
  session.stderr?.resume();
  assert.ok(session.stdin);
  await within(5_000, pipeline(Readable.from(["all ", "of it"]), session.stdin));
  assert.equal((await session.exit).exitCode, 0);
});
