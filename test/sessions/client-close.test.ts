// Sessions and port-forwards of a client end with it.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { connect } from "../../src/index.js";
import { EmbeddedRuntime } from "../../src/testing/index.js";
import { cleanup } from "../support/cleanup.js";
import { busybox } from "../support/embedded.js";
import { failure } from "../support/failure.js";
import { assertNoListeners, checkLeaks } from "../support/leaks.js";
import { tempFolder } from "../support/temp.js";
import { until, within } from "../support/waiting.js";
import { containerId, hostRuntime, processesWith } from "./support.js";

const promptMs = 30_000;
const sleeping = "sleep 20.75";

/** Starts a runtime whose commands run until their session ends; `running` counts them. */
async function endless(t: TestContext) {
  let running = 0;
  const run = ({ signal }: { readonly signal: AbortSignal }) =>
    new Promise<number>((resolve) => {
      running++;
      signal.addEventListener("abort", () => {
        running--;
        resolve(0);
      });
    });
  const { cri } = await hostRuntime(t, {
    exec: run,
    attach: (context) => run(context).then(() => undefined),
  });
  return { cri, running: () => running };
}

for (const transport of ["spdy", "websocket"] as const)
  test(`close() of the client ends exec, attach, runCommand and copies: ${transport}`, async (t) => {
    const { cri, running } = await endless(t);
    const stop = new AbortController();
    const options = { transport, signal: stop.signal };
    const session = await cri.exec(containerId, ["any"], options);
    const attached = await cri.attach(containerId, options);
    const waiting = [
      session.ended,
      attached.ended,
      cri.runCommand(containerId, ["any"], options),
      cri.runCommand(containerId, ["any"], { ...options, input: "text" }),
      cri.copyTo(containerId, { content: "text" }, "/file", { signal: stop.signal }),
      cri.exec(containerId, ["any"], { dial: () => new Promise<never>(() => undefined) }),
    ].map((work) => failure(work));
    await until(() => running() >= 5, "the sessions are open");
    await within(promptMs, cri.close(), "close()");
    for (const error of await within(promptMs, Promise.all(waiting)))
      assert.equal(error.reason, "client_closed", error.message);
    assert.equal((await failure(cri.exec(containerId, ["any"]))).reason, "client_closed");
    await until(() => running() === 0, "the server's side of the sessions ended", promptMs);
    assertNoListeners(stop.signal);
  });

for (const mode of ["isolated", "pooled"] as const)
  test(`close() of the client ends its port-forwards: ${mode}`, async (t) => {
    const { cri } = await hostRuntime(t);
    const echo = createServer((socket) => socket.pipe(socket)).listen(0, "127.0.0.1");
    await once(echo, "listening");
    cleanup(t, () => void echo.close());
    const { port } = echo.address() as { readonly port: number };
    const forward = cri.portForward(containerId, { mode });
    const unused = cri.portForward(containerId, { mode });
    const connection = await forward.connect(port);
    connection.write("text");
    await once(connection, "data");
    const listener = await forward.listen(port, { port: 0 });
    const ended = failure(once(connection, "end").then(() => undefined));
    await within(promptMs, cri.close(), "close()");
    assert.equal((await ended).reason, "client_closed");
    assert.equal(listener.connections, 0);
    for (const one of [forward, unused, cri.portForward(containerId, { mode })]) {
      await failure(one.connect(port), "client_closed");
      await failure(one.listen(port, { port: 0 }), "client_closed");
    }
  });

test("close() of the client kills commands with killOnClose before it resolves", async (t) => {
  checkLeaks(t);
  const runtime = await EmbeddedRuntime.start({ socket: join(await tempFolder(t), "cri.sock") });
  cleanup(t, () => within(promptMs, runtime.close(), "close()"));
  const owner = connect.through(runtime);
  cleanup(t, () => owner.close());
  const pod = await owner.pods.run({ name: "web" });
  const container = await pod.runContainer({ name: "app", image: busybox, command: ["sleep", "1000"] });
  const command = ["sh", "-c", `echo started; exec ${sleeping}`];
  for (const way of ["open", "timed out"] as const) {
    const cri = way === "open" ? connect.through(runtime) : await connect(runtime.endpoint ?? "");
    const session = await cri.exec(container.id, command, { killOnClose: true });
    if (!session.stdout) throw new Error("the session has no output");
    const error = failure(once(session.stdout, "end"));
    await once(session.stdout, "data");
    assert.equal((await processesWith(sleeping)).length > 0, true);
    if (way === "timed out") {
      // Its kill is still in flight when the client is closed.
      void session.close();
      assert.equal((await failure(session.ended)).reason, "client_closed");
    }
    await within(promptMs, cri.close(), "close()");
    assert.deepEqual(await processesWith(sleeping), [], way);
    assert.equal((await error).reason, "client_closed");
    assert.equal((await failure(session.ended)).reason, "client_closed");
  }
});
