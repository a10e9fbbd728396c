import assert from "node:assert/strict";
import { test } from "node:test";
import { Code, ConnectError, type ConnectRouter, createClient, type Interceptor } from "@connectrpc/connect";
import { RuntimeService } from "../../gen/runtime/v1/api_pb.js";
import { collect, connectFailure, events, transportTo, version } from "../support/calls.js";
import { grpcServer } from "../support/grpc-server.js";
import { assertNoListeners, checkLeaks } from "../support/leaks.js";
import { until } from "../support/waiting.js";

const runtime = (router: ConnectRouter) =>
  router.service(RuntimeService, {
    version: (_, { requestHeader, responseTrailer }) => {
      responseTrailer.set("x-end", "yes");
      return { runtimeName: requestHeader.get("x-path") ?? "none" };
    },
    status: () => {
      throw new ConnectError("no", Code.NotFound);
    },
    async *getContainerEvents(_, { requestHeader, responseTrailer, signal }) {
      yield { containerId: requestHeader.get("x-path") ?? "none" };
      responseTrailer.set("x-end", "yes");
      if (requestHeader.has("x-stay"))
        await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    },
  });

const adds =
  (name: string): Interceptor =>
  (next) =>
  (request) => {
    request.header.set("x-path", (request.header.get("x-path") ?? "") + name);
    return next(request);
  };

test("interceptors run outermost first and may change headers", async (t) => {
  checkLeaks(t);
  const server = await grpcServer(t, runtime);
  const transport = transportTo(t, server.url, { interceptors: [adds("a"), adds("b"), adds("c")] });
  const headers = { "x-path": ">" };
  assert.equal((await version(transport, { headers })).message.runtimeName, ">abc");
  assert.equal((await collect(events(transport, { headers })))[0]?.containerId, ">abc");
});

test("an interceptor may copy and change a response; headers and trailers are preserved", async (t) => {
  checkLeaks(t);
  const server = await grpcServer(t, runtime);
  const copy: Interceptor = (next) => async (request) => {
    const answer = await next(request);
    if (!answer.stream) return { ...answer, message: { ...answer.message, runtimeName: "changed" } as never };
    async function* doubled(source: AsyncIterable<never>) {
      for await (const message of source) {
        yield message;
        yield message;
      }
    }
    return { ...answer, message: doubled(answer.message as never) };
  };
  const transport = transportTo(t, server.url, { interceptors: [copy] });
  const answer = await version(transport);
  assert.equal(answer.message.runtimeName, "changed");
  assert.equal(answer.service.typeName, "runtime.v1.RuntimeService");
  assert.match(answer.header.get("content-type") ?? "", /^application\/grpc/);
  assert.equal(answer.trailer.get("x-end"), "yes");
  let trailer: Headers | undefined;
  const client = createClient(RuntimeService, transport);
  const all = await collect(client.getContainerEvents({}, { onTrailer: (h) => (trailer = h) }));
  assert.equal(all.length, 2);
  assert.equal(trailer?.get("x-end"), "yes");
});

test("an interceptor receives ConnectErrors, and its own errors are passed on unchanged", async (t) => {
  checkLeaks(t);
  const server = await grpcServer(t, runtime);
  const seen: unknown[] = [];
  const watch: Interceptor = (next) => async (request) => {
    try {
      return await next(request);
    } catch (error) {
      seen.push(error);
      throw error;
    }
  };
  const client = createClient(RuntimeService, transportTo(t, server.url, { interceptors: [watch] }));
  assert.equal((await connectFailure(client.status({}))).code, "not_found");
  assert.ok(seen[0] instanceof ConnectError && seen[0].code === Code.NotFound);
  const mine = new ConnectError("mine", Code.DataLoss);
  const refuse: Interceptor = () => async () => {
    throw mine;
  };
  await assert.rejects(version(transportTo(t, server.url, { interceptors: [refuse] })), (e) => e === mine);
});

test("aborts and deadlines pass through interceptors, and an interceptor receives their signal", async (t) => {
  checkLeaks(t);
  const server = await grpcServer(t, runtime);
  const signals: AbortSignal[] = [];
  const keep: Interceptor = (next) => (request) => {
    signals.push(request.signal);
    return next(request);
  };
  const wait: Interceptor = () => (request) =>
    new Promise((_, reject) => {
      request.signal.addEventListener("abort", () => reject(request.signal.reason));
    });
  const patient = transportTo(t, server.url, { interceptors: [keep, wait] });
  assert.equal((await connectFailure(version(patient, { timeoutMs: 100 }))).code, "deadline_exceeded");
  assert.equal(signals[0]?.aborted, true);
  const transport = transportTo(t, server.url, { interceptors: [keep] });
  const headers = { "x-stay": "1" };
  assert.equal(
    (await connectFailure(collect(events(transport, { headers, timeoutMs: 300 })))).code,
    "deadline_exceeded",
  );
  const stop = new AbortController();
  const mine = new Error("mine");
  const call = connectFailure(collect(events(transport, { headers, signal: stop.signal })));
  await until(() => server.running === 1, "the stream is open");
  stop.abort(mine);
  const error = await call;
  assert.deepEqual([error.code, error.cause], ["canceled", mine]);
});

test("a call ends with its deadline and its signal even if an interceptor ignores them", async (t) => {
  checkLeaks(t);
  const server = await grpcServer(t, runtime);
  const waits: Interceptor = () => () => new Promise(() => undefined);
  const transport = transportTo(t, server.url, { interceptors: [waits] });
  const stop = AbortSignal.timeout(20);
  for (const call of [
    (options: object) => version(transport, options),
    (options: object) => collect(events(transport, options)),
  ]) {
    assert.equal((await connectFailure(call({ timeoutMs: 20 }))).reason, "deadline");
    assert.equal((await connectFailure(call({ signal: stop }))).reason, "deadline");
    assert.equal((await connectFailure(call({ signal: AbortSignal.abort() }))).reason, "aborted_by_caller");
  }
  assertNoListeners(stop);
});
