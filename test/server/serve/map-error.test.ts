// Services.mapError: the errors of handlers, converted before they are sent.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "../../../src/index.js";
import { criError, memoryTransport, type Services, serve } from "../../../src/server/index.js";
import { cleanup } from "../../support/cleanup.js";
import { failure } from "../../support/failure.js";
import { tempFolder } from "../../support/temp.js";

class EngineError extends Error {
  readonly status = 404;
}

const services: Services = {
  runtime: {
    version() {
      throw new EngineError("thrown");
    },
    status: () => Promise.reject(new EngineError("rejected")),
    async *getContainerEvents() {
      yield { containerId: "c1" };
      throw new EngineError("streamed");
    },
    listContainers: () => {
      throw criError("wrong_state", "not converted");
    },
    listPodSandbox: () => ({ items: [{ id: "p1" }] }),
  },
  mapError: (error, { method }) =>
    error instanceof EngineError
      ? criError("object_missing", `${method}: ${error.message}`, { cause: error })
      : error,
};

for (const [way, open] of [
  ["memory", async () => connect.through({ transport: memoryTransport(services), normalize: false })],
  [
    "a socket",
    async (t: Parameters<typeof cleanup>[0]) => {
      const server = await serve(join(await tempFolder(t), "cri.sock"), services);
      cleanup(t, () => server.close());
      return connect.lazy(server.endpoint, { normalize: false });
    },
  ],
] as const)
  test(`mapError converts what handlers throw, over ${way}`, async (t) => {
    const cri = await open(t);
    cleanup(t, () => cri.close());
    const { runtime } = cri;
    for (const [call, text] of [
      [() => runtime.version(), "Version: thrown"],
      [() => runtime.status(), "Status: rejected"],
    ] as const) {
      const error = await failure(call());
      assert.deepEqual([error.code, error.rawMessage], ["not_found", text]);
    }
    const events = runtime.getContainerEvents({});
    const iterator = events[Symbol.asyncIterator]();
    assert.equal((await iterator.next()).value?.containerId, "c1");
    const streamed = await failure(iterator.next());
    assert.deepEqual([streamed.code, streamed.rawMessage], ["not_found", "GetContainerEvents: streamed"]);
    // Errors that it returns as they are, and results, stay.
    assert.equal((await failure(runtime.listContainers())).code, "failed_precondition");
    assert.equal((await runtime.listPodSandbox()).items[0]?.id, "p1");
  });
