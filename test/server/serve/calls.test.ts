import assert from "node:assert/strict";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Cri, CriError, connect, isCriError } from "../../../src/index.js";
import { memoryTransport, type Services, serve } from "../../../src/server/index.js";
import { cleanup } from "../../support/cleanup.js";
import { checkLeaks } from "../../support/leaks.js";
import { tempFolder } from "../../support/temp.js";
import { until, within } from "../../support/waiting.js";

const services: Services = {
  runtime: {
    version: () => ({ version: "0.1.0", runtimeName: "test", runtimeVersion: "1", runtimeApiVersion: "v1" }),
    podSandboxStatus: () => {
      throw new CriError({
        code: "not_found",
        reason: "object_missing",
        rawMessage: "no such sandbox: ü 100%\n",
      });
    },
    listContainers: () => {
      throw new Error("a plain error");
    },
    async execSync(_, { signal }) {
      started++;
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      aborted.push((signal.reason as CriError).reason);
      return { exitCode: 0 };
    },
    async *getContainerEvents(_, { signal }) {
      try {
        for (let n = 0; n < 3; n++) yield { containerId: String(n) };
        await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      } finally {
        aborted.push((signal.reason as CriError).reason);
      }
    },
    async *streamContainers() {
      yield { containers: [{ id: "a" }] };
      yield { containers: [{ id: "b" }] };
    },
  },
};
const aborted: string[] = [];
/** The number of calls of `execSync` that have reached the handler. */
let started = 0;

for (const way of ["socket", "memory"] as const)
  test(`${way}: responses, errors, streams, cancellations and deadlines`, async (t) => {
    checkLeaks(t);
    aborted.length = 0;
    started = 0;
    const path = join(await tempFolder(t), "s", "cri.sock");
    let cri: Cri;
    if (way === "socket") {
      const server = await serve(path, services);
      cleanup(t, async () => {
        await within(5_000, server.close());
        assert.ok(!existsSync(path));
      });
      assert.equal(statSync(path).mode & 0o777, 0o660);
      cri = await connect(path, { normalize: false });
      cleanup(t, () => cri.close());
    } else cri = connect.through({ transport: memoryTransport(services), normalize: false });
    assert.equal((await cri.runtime.version({})).runtimeName, "test");
    const failure = async (work: Promise<unknown>) => {
      const error = await work.then(
        () => assert.fail("did not fail"),
        (error) => error,
      );
      assert.ok(isCriError(error), String(error));
      return [error.code, error.rawMessage];
    };
    assert.deepEqual(await failure(cri.runtime.podSandboxStatus({ podSandboxId: "x" })), [
      "not_found",
      "no such sandbox: ü 100%\n",
    ]);
    assert.deepEqual(await failure(cri.runtime.listContainers({})), ["unknown", "a plain error"]);
    assert.equal((await failure(cri.runtime.status({})))[0], "unimplemented");
    assert.equal((await failure(cri.image.listImages({})))[0], "unimplemented");
    const exec = { containerId: "c".repeat(64), cmd: ["x"] };
    // On a busy machine, a deadline may pass before the client has sent the call.
    for (let timeoutMs = 50; started === 0; timeoutMs *= 2) {
      assert.ok(timeoutMs < 30_000, "the handler was not called");
      assert.equal((await failure(cri.runtime.execSync(exec, { timeoutMs })))[0], "deadline_exceeded");
      // Takes a new connection: the server has read all of the one before by then.
      await cri.runtime.version({});
    }
    await until(() => aborted.length === started, "the handler's signal has fired for the deadline");
    const before = started;
    const stop = new AbortController();
    const canceled = failure(cri.runtime.execSync(exec, { signal: stop.signal }));
    // The deadline has retired the connection, so this call waits for another one.
    await until(() => started > before, "the handler is called");
    assert.equal(aborted.length, before);
    stop.abort();
    assert.equal((await canceled)[0], "canceled");
    await until(() => aborted.length === started, "the handler's signal has fired for the cancellation");
    assert.equal(aborted.at(-1), "aborted_by_caller");
    const seen: string[] = [];
    for await (const event of cri.runtime.getContainerEvents({})) {
      seen.push(event.containerId);
      if (seen.length === 3) break;
    }
    assert.deepEqual(seen, ["0", "1", "2"]);
    const all: string[] = [];
    for await (const { containers } of cri.runtime.streamContainers({}))
      all.push(...containers.map(({ id }) => id));
    assert.deepEqual(all, ["a", "b"]);
    await until(
      () => aborted.length > started,
      "the handler's signal has fired for the stream that was left",
    );
    assert.equal(started, before + 1);
    assert.equal(aborted.length, started + 1);
    assert.equal(aborted.at(-1), "aborted_by_caller");
  });
