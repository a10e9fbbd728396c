import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { attach, exec, portForward } from "../../src/streaming/index.js";
import { cleanup } from "../support/cleanup.js";
import { failure } from "../support/failure.js";
import { bareSocket } from "../support/raw-streaming.js";
import { fired, serve, textOf, transports, ways } from "../support/streaming-server.js";
import { until, within } from "../support/waiting.js";

const everyWay = transports.flatMap((transport) => ways.map((way) => ({ transport, way })));
const request = { containerId: "c", stdout: true };
const streams = { stderr: false };

for (const { transport, way } of everyWay) {
  test(`${transport}, ${way}: close() aborts open sessions, and every handler's signal fires`, async (t) => {
    const reasons: unknown[] = [];
    const recordAbort = async ({ signal }: { readonly signal: AbortSignal }) => {
      reasons.push(((await fired(signal)) as { reason: string }).reason);
    };
    const { server, reach } = await serve(
      t,
      {
        exec: (context) => recordAbort(context).then(() => 0),
        attach: recordAbort,
        portForward: recordAbort,
      },
      { way },
    );
    const run = await exec(server.exec(request).url, { transport, ...streams, ...reach });
    const attached = await attach(server.attach(request).url, { transport, ...streams, ...reach });
    const source = (port: number) => server.portForward({ podSandboxId: "p", port: [port] }).url;
    const forward = portForward(source, { transport, ...reach });
    cleanup(t, () => forward.close());
    const connection = await forward.connect(80);
    await until(() => server.sessions === 3, "three sessions");
    await within(4_000, server.close(), "close()");
    await until(() => reasons.length === 3, "three signals");
    assert.deepEqual(reasons, ["server_closed", "server_closed", "server_closed"]);
    // The exit code was not reported, so the clients must not assume success.
    for (const end of [run.ended, attached.ended])
      assert.ok(["connection_lost", "exit_unknown"].includes((await failure(end)).reason));
    connection.resume();
    await until(() => connection.closed, "the forwarded connection is over");
    await within(4_000, server.close(), "close() again");
  });

  test(`${transport}, ${way}: a graceful close() lets sessions finish and refuses new ones`, async (t) => {
    const { server, reach } = await serve(
      t,
      {
        async exec({ stdout, signal }) {
          await pause(200);
          stdout?.write(signal.aborted ? "cut" : "whole");
          return 6;
        },
      },
      { way },
    );
    const waiting = server.exec(request).url;
    const session = await exec(server.exec(request).url, { transport, ...streams, ...reach });
    await until(() => server.sessions === 1, "the session");
    const closing = server.close({ graceMs: 60_000 });
    await failure(exec(waiting, { transport, ...streams, ...reach }));
    assert.equal(await textOf(session.stdout), "whole");
    assert.equal((await within(20_000, session.ended)).exitCode, 6);
    await within(4_000, closing, "close()");
  });

  test(`${transport}, ${way}: the grace expires, and a second close() shortens it`, async (t) => {
    for (const hurry of [false, true]) {
      const { server, reach } = await serve(
        t,
        { exec: ({ signal }) => fired(signal, 60_000).then(() => 0) },
        { way },
      );
      const session = await exec(server.exec(request).url, { transport, ...streams, ...reach });
      const closing = server.close({ graceMs: hurry ? 60_000 : 100 });
      if (hurry) void server.close();
      await within(4_000, closing, "close()");
      await failure(session.ended);
    }
  });
}

test("await using closes the server without waiting for connections without a session", async (t) => {
  const { server } = await serve(t, { exec: async () => 0 });
  await bareSocket(t, server.baseUrl);
  const half = await bareSocket(t, server.baseUrl);
  half.write("POST /exec/x HTT");
  await pause(50);
  {
    await using closed = server;
    assert.equal(closed.sessions, 0);
  }
  await assert.rejects(bareSocket(t, server.baseUrl));
});

test("a handler that outlives its session has no effect on others", async (t) => {
  let write = (): void => undefined;
  const { server } = await serve(t, {
    exec: ({ stdout, stderr }) =>
      new Promise((_, reject) => {
        write = () => {
          stdout?.write("too late");
          stderr?.end("too late");
          reject(new Error("too late"));
        };
      }),
  });
  const session = await exec(server.exec({ ...request, stderr: true }).url);
  await session.close();
  await until(() => server.sessions === 0, "the session is over");
  write();
  await pause(20);
});
