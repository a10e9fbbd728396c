import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { type CriError, connect } from "../../../src/index.js";
import { type CallContext, serve } from "../../../src/server/index.js";
import { encodeEnvelope } from "../../../src/transport/index.js";
import { cleanup } from "../../support/cleanup.js";
import { tempFolder } from "../../support/temp.js";
import { until } from "../../support/waiting.js";
import { ask, rawSession } from "./raw-client.js";

async function contextOfCall(t: Parameters<typeof tempFolder>[0]) {
  const contexts: CallContext[] = [];
  const path = join(await tempFolder(t), "cri.sock");
  const server = await serve(path, {
    runtime: {
      version(_, context) {
        contexts.push(context);
        return { version: "0.1.0", runtimeName: "test", runtimeVersion: "1", runtimeApiVersion: "v1" };
      },
      async execSync(_, context) {
        contexts.push(context);
        await new Promise(() => undefined);
        return {};
      },
    },
  });
  cleanup(t, () => server.close());
  const cri = await connect(path);
  cleanup(t, () => cri.close());
  return { cri, contexts, path };
}

test("a copy of a context has everything that the context has", async (t) => {
  const { cri, contexts } = await contextOfCall(t);
  await cri.runtime.version({}, { headers: { "x-trace": "abc" } });
  const context = contexts.at(-1);
  assert.ok(context);
  const copy = { ...context, peer: "another" };
  assert.equal(copy.method, "Version");
  assert.equal(copy.headers["x-trace"], "abc");
  assert.equal(copy.headers, context.headers);
  assert.equal(copy.signal, context.signal);
  assert.equal(copy.signal.aborted, false);
  assert.ok(copy.deadline instanceof Date);
});

test("objects that inherit from a context, and its proxies, have everything that the context has", async (t) => {
  const { cri, contexts } = await contextOfCall(t);
  await cri.runtime.version({}, { headers: { "x-trace": "abc" } });
  const context = contexts.at(-1);
  assert.ok(context);
  for (const wrapped of [Object.create(context) as CallContext, new Proxy(context, {})]) {
    assert.equal(wrapped.method, "Version");
    assert.equal(wrapped.headers["x-trace"], "abc");
    assert.equal(wrapped.headers, context.headers);
    assert.equal(wrapped.signal, context.signal);
  }
  assert.deepEqual(Object.getOwnPropertySymbols({ ...context }), []);
});

test("a call whose handler does not read its signal ends at its deadline; read then, the signal has fired", async (t) => {
  const { path, contexts } = await contextOfCall(t);
  const request = encodeEnvelope(new Uint8Array(0), 100);
  // By a client that leaves the deadline to the server. On a busy machine, it may pass before the request has arrived.
  const session = rawSession(t, path);
  const isExec = ({ method }: CallContext) => method === "ExecSync";
  for (let timeoutMs = 50; !contexts.some(isExec); timeoutMs *= 2) {
    assert.ok(timeoutMs < 30_000, "the handler was not called");
    const fields = { ":path": "/runtime.v1.RuntimeService/ExecSync", "grpc-timeout": `${timeoutMs}m` };
    const { headers } = await ask(session, fields, [request]);
    assert.equal(headers["grpc-status"], "4");
  }
  const signal = contexts.find(isExec)?.signal;
  assert.equal((signal?.reason as CriError | undefined)?.reason, "deadline");
});

test("a signal that is first read after the end of its call has fired", async (t) => {
  const { cri, contexts } = await contextOfCall(t);
  const stop = new AbortController();
  const call = cri.runtime.execSync({ containerId: "c".repeat(64), cmd: ["x"] }, { signal: stop.signal });
  const ended = assert.rejects(call);
  const isExec = ({ method }: CallContext) => method === "ExecSync";
  await until(() => contexts.some(isExec), "the call is in flight");
  stop.abort();
  await ended;
  // Its reset arrives before the next request.
  await cri.runtime.version({});
  const signal = contexts.find(isExec)?.signal;
  assert.equal((signal?.reason as CriError | undefined)?.reason, "aborted_by_caller");
});
