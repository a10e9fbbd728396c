import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { type CriError, connect, isCriError } from "../../src/index.js";
import { ContainerState } from "../../src/v1.js";
import { failure } from "../support/failure.js";
import { runPod, type Subject } from "./support.js";

/** Cases that kill and restart the daemon during the lifetime of a client. */
export function restartCases(subject: () => Subject): void {
  test("kill and restart: calls resume, containers keep running", async () => {
    const { cri, runtime } = subject();
    const before = await cri.runtime.version();
    await using pod = await runPod(subject(), "restart");
    const containerId = await pod.container(["sleep", "600"]);
    for (let round = 0; round < 3; round++) {
      const inFlight = failure(
        cri.runtime.execSync({ containerId, cmd: ["sleep", "60"] }),
        "connection_lost",
      );
      await pause(200);
      await runtime.kill();
      assert.equal((await inFlight).code, "unavailable");
      const restarted = runtime.start();
      // A call waits for about a second for a daemon that is down.
      const early = await cri.runtime.version().catch((error: unknown) => error as CriError);
      assert.ok(!isCriError(early) || early.code === "unavailable", String(early));
      await restarted;
      assert.equal((await cri.runtime.version()).runtimeName, before.runtimeName);
      const { status } = await cri.runtime.containerStatus({ containerId });
      assert.equal(status?.state, ContainerState.CONTAINER_RUNNING);
    }
  });

  test("a running event stream ends with unavailable when the daemon dies", async (t) => {
    const { cri, runtime, abilities } = subject();
    if (!abilities.events) return t.skip("the runtime has no events");
    const events = cri.runtime.getContainerEvents();
    const ended = failure(
      (async () => {
        for await (const _ of events);
      })(),
      "connection_lost",
    );
    await pause(300);
    await runtime.kill();
    assert.equal((await ended).code, "unavailable");
    await runtime.start();
  });

  test("a stopped daemon: socket_missing or connection_refused, at once for a new connection", async () => {
    const { runtime } = subject();
    await runtime.stop();
    try {
      const error = await connect(runtime.endpoint).then(
        () => undefined,
        (error: unknown) => error,
      );
      assert.ok(isCriError(error));
      assert.equal(error.code, "unavailable");
      assert.ok(["socket_missing", "connection_refused"].includes(error.reason), error.message);
      assert.ok(error.hint);
    } finally {
      await runtime.start();
    }
    await using cri = await connect(runtime.endpoint);
    await cri.runtime.version();
  });
}
