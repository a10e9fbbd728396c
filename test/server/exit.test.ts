import assert from "node:assert/strict";
import { test } from "node:test";
import type { ExecContext } from "../../src/server/index.js";
import { attach, exec } from "../../src/streaming/index.js";
import { failure } from "../support/failure.js";
import { serve, textOf, transports, ways } from "../support/streaming-server.js";
import { within } from "../support/waiting.js";

const everyWay = transports.flatMap((transport) => ways.map((way) => ({ transport, way })));
const outputs = { containerId: "c1", stdout: true, stderr: true };

for (const { transport, way } of everyWay) {
  test(`${transport}, ${way}: exit codes, and complete stdout and stderr`, async (t) => {
    const seen: string[] = [];
    const { server, reach } = await serve(
      t,
      {
        async exec({ command, containerId, stdin, stdout, stderr, tty, signal }: ExecContext) {
          seen.push(`${containerId} ${command.join(" ")}`);
          assert.deepEqual([stdin, tty, signal.aborted], [undefined, false, false]);
          stdout?.write("to stdout, ");
          stderr?.write("to stderr, ");
          stdout?.end("and its end");
          stderr?.write("and its end");
          return Number(command[1]);
        },
      },
      { way },
    );
    for (const code of [0, 1, 3, 126, 127, 137, 255]) {
      const { url } = server.exec({ ...outputs, cmd: ["exit", String(code)] });
      const session = await exec(url, { transport, ...reach });
      const [out, err, exit] = await Promise.all([
        textOf(session.stdout),
        textOf(session.stderr),
        within(5_000, session.ended),
      ]);
      assert.equal(out, "to stdout, and its end");
      assert.equal(err, "to stderr, and its end");
      assert.equal(exit.exitCode, code);
      assert.equal(seen.pop(), `c1 exit ${code}`);
      await session.close();
    }
  });

  test(`${transport}, ${way}: the client gets the message of a handler's rejection`, async (t) => {
    const { server, reach } = await serve(
      t,
      {
        exec: () => Promise.reject(new Error("exec format wrong: no such file or directory")),
        attach() {
          throw new TypeError("that container is busy");
        },
      },
      { way },
    );
    const run = await exec(server.exec(outputs).url, { transport, ...reach });
    const notStarted = await failure(run.ended);
    assert.equal(notStarted.reason, "exec_not_started");
    assert.equal(notStarted.rawMessage, "exec format wrong: no such file or directory");
    const attached = await attach(server.attach(outputs).url, { transport, ...reach });
    const busy = await failure(attached.ended);
    assert.deepEqual([busy.reason, busy.rawMessage], ["runtime_error", "that container is busy"]);
  });

  test(`${transport}, ${way}: an invalid exit code is a failure, never a success`, async (t) => {
    const exitCodes = [-1, 1.5, Number.NaN, undefined as unknown as number];
    const { server, reach } = await serve(t, { exec: async () => exitCodes.shift() as number }, { way });
    while (exitCodes.length > 0) {
      const session = await exec(server.exec(outputs).url, { transport, ...reach });
      assert.match((await failure(session.ended)).rawMessage, /which is not an exit code/);
    }
  });

  test(`${transport}, ${way}: every combination of streams`, async (t) => {
    const { server, reach } = await serve(
      t,
      {
        async exec({ stdin, stdout, stderr }) {
          stdout?.write("o");
          stderr?.write("e");
          return Number(Boolean(stdin)) + 2 * Number(Boolean(stdout)) + 4 * Number(Boolean(stderr));
        },
      },
      { way },
    );
    for (let bits = 1; bits < 8; bits++) {
      const choice = { stdin: (bits & 1) > 0, stdout: (bits & 2) > 0, stderr: (bits & 4) > 0 };
      const { url } = server.exec({ containerId: "c1", ...choice });
      const session = await exec(url, { transport, ...choice, ...reach });
      const [out, err] = await Promise.all([textOf(session.stdout), textOf(session.stderr)]);
      assert.deepEqual([out, err], [choice.stdout ? "o" : "", choice.stderr ? "e" : ""]);
      assert.equal((await within(5_000, session.ended)).exitCode, bits);
    }
  });

  test(`${transport}, ${way}: attach transfers output and input, and ends with success`, async (t) => {
    const { server, reach } = await serve(
      t,
      {
        async attach({ containerId, stdin, stdout }) {
          for await (const part of stdin ?? []) stdout?.write(`${containerId} got ${part}`);
        },
      },
      { way },
    );
    const streams = { stdin: true, stdout: true, stderr: false };
    const { url } = server.attach({ containerId: "c2", ...streams });
    const session = await attach(url, { transport, ...streams, ...reach });
    const output = textOf(session.stdout);
    session.stdin?.end("a line");
    assert.equal(await output, "c2 got a line");
    await within(5_000, session.ended);
  });
}
