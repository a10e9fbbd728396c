import assert from "node:assert/strict";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Cri, CriError, connect, isCriError } from "../../../src/index.js";
import { memoryTransport, type Services, serve } from "../../../src/server/index.js";
import { cleanup } from "../../support/cleanup.js";
import { checkLeaks } from "../../support/leaks.js";
import { tempFolder } from "../../support/temp.js";
import { within } from "../../support/waiting.js";

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

for (const way of ["socket", "memory"] as const)
  test(`${way}: responses, errors, streams, cancellations and deadlines`, async (t) => {
    checkLeaks(t);
    aborted.length = 0;
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
    assert.equal((await failure(cri.runtime.execSync(exec, { timeoutMs: 300 })))[0], "deadline_exceeded");
    const stop = new AbortController();
    const canceled = failure(cri.runtime.execSync(exec, { signal: stop.signal }));
    setTimeout(() => stop.abort(), 300);
    assert.equal((await canceled)[0], "canceled");
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
    for (let tries = 0; aborted.length < 3 && tries < 50; tries++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(aborted.length, 3);
  });
