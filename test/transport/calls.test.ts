import assert from "node:assert/strict";
import { test } from "node:test";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { RuntimeService } from "../../gen/runtime/v1/api_pb.js";
import { collect, connectFailure, events, one, transportTo, version } from "../support/calls.js";
import { chat, echoService, sum } from "../support/echo.js";
import { grpcServer } from "../support/grpc-server.js";
import { assertNoListeners, checkLeaks } from "../support/leaks.js";
import { until, within } from "../support/waiting.js";

/** A minimal runtime: it returns its version, and sends events until the stream ends. */
function runtime(log: { sent?: number; stopped?: number } = {}) {
  return (router: import("@connectrpc/connect").ConnectRouter) => {
    router.service(RuntimeService, {
      version: (_, { requestHeader, responseHeader, responseTrailer }) => {
        responseHeader.set("x-got", requestHeader.get("x-say") ?? "");
        responseTrailer.set("x-end", "yes");
        return { runtimeName: "friendly", runtimeVersion: "v".repeat(2_000) };
      },
      status: () => {
        throw new ConnectError("not yet, caf\u00e9", Code.FailedPrecondition);
      },
      async *getContainerEvents(_, { signal }) {
        // Not in a finally block, because Connect's server never resumes a generator that waits for a write.
        signal.addEventListener("abort", () => {
          log.stopped = (log.stopped ?? 0) + 1;
        });
        for (let i = 0; !signal.aborted; i++) {
          log.sent = i + 1;
          yield { containerId: `${i}`.padEnd(100_000, ".") };
        }
      },
      async listContainers(_, { signal }) {
        await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
        log.stopped = (log.stopped ?? 0) + 1;
        return {};
      },
    });
    router.service(echoService, {
      async sum(requests: AsyncIterable<{ value: Uint8Array }>) {
        let bytes = 0;
        for await (const { value } of requests) bytes += value.byteLength;
        return { value: Buffer.from(`${bytes}`) };
      },
      async *chat(requests: AsyncIterable<{ value: Uint8Array }>) {
        for await (const { value } of requests) yield { value };
      },
    } as never);
  };
}

test("the headers on the wire are those of a Kubernetes client", async (t) => {
  checkLeaks(t);
  const server = await grpcServer(t, runtime());
  const transport = transportTo(t, server.url, { userAgent: "me/1" });
  await version(transport, { timeoutMs: 60_000, headers: { "X-Say": "hello" } });
  await version(transport);
  const [first, second] = server.requests;
  assert.equal(first?.[":path"], "/runtime.v1.RuntimeService/Version");
  assert.equal(first?.[":authority"], "localhost");
  assert.equal(first?.[":scheme"], "http");
  assert.equal(first?.["content-type"], "application/grpc");
  assert.equal(first?.te, "trailers");
  assert.equal(first?.["user-agent"], "me/1");
  assert.equal(first?.["grpc-accept-encoding"], "identity,gzip");
  assert.equal(first?.["grpc-encoding"], undefined);
  assert.equal(first?.["x-say"], "hello");
  assert.match(`${first?.["grpc-timeout"]}`, /^(60000|5[0-9]{4})m$/);
  assert.equal(second?.["grpc-timeout"], undefined);
});

test("the transport's own headers cannot be replaced, and invalid ones are rejected", async (t) => {
  const server = await grpcServer(t, runtime());
  const transport = transportTo(t, server.url);
  const headers = { "content-type": "text/plain", TE: "no", "grpc-timeout": "1n", "grpc-encoding": "br" };
  await version(transport, { headers });
  assert.equal(server.requests[0]?.["content-type"], "application/grpc");
  assert.equal(server.requests[0]?.te, "trailers");
  assert.equal(server.requests[0]?.["grpc-timeout"], undefined);
  for (const bad of [{ "a b": "x" }, { a: "x\ny" }, { connection: "close" }]) {
    const error = await connectFailure(version(transport, { headers: bad as Record<string, string> }));
    assert.equal(error.reason, "invalid_option");
    assert.equal(error.code, "invalid_argument");
  }
  assert.equal(server.requests.length, 1);
});

test("Connect's own client works over this transport", async (t) => {
  checkLeaks(t);
  const server = await grpcServer(t, runtime());
  const client = createClient(RuntimeService, transportTo(t, server.url));
  let header: Headers | undefined;
  let trailer: Headers | undefined;
  const answer = await client.version(
    {},
    {
      headers: { "x-say": "hi" },
      onHeader: (h) => {
        header = h;
      },
      onTrailer: (h) => {
        trailer = h;
      },
    },
  );
  assert.equal(answer.runtimeName, "friendly");
  assert.equal(header?.get("x-got"), "hi");
  assert.equal(trailer?.get("x-end"), "yes");
  const error = await connectFailure(client.status({}));
  assert.equal(error.code, "failed_precondition");
  assert.equal(error.rawMessage, "not yet, café");
  let count = 0;
  for await (const _ of client.getContainerEvents({})) if (++count === 3) break;
  assert.equal((await connectFailure(client.removeContainer({}))).code, "unimplemented");
});

test("a large response that the server compresses with gzip is decompressed", async (t) => {
  const server = await grpcServer(t, runtime(), { gzipFromBytes: 100 });
  const answer = await version(transportTo(t, server.url));
  assert.equal(answer.header.get("grpc-encoding"), "gzip");
  assert.equal(answer.message.runtimeVersion, "v".repeat(2_000));
});

test("client-streaming: more data than the flow-control windows, without a warning", async (t) => {
  checkLeaks(t);
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => warnings.push(warning);
  process.on("warning", onWarning);
  t.after(() => process.off("warning", onWarning));
  const server = await grpcServer(t, runtime());
  async function* requests() {
    for (let i = 0; i < 40; i++) yield { value: new Uint8Array(500_000) };
  }
  const answer = await transportTo(t, server.url).stream(sum, undefined, 30_000, undefined, requests());
  const [result] = await within(20_000, collect(answer.message));
  assert.equal(Buffer.from(result?.value ?? []).toString(), "20000000");
  assert.deepEqual(warnings, []);
});

test("bidirectional: requests and responses alternate", async (t) => {
  checkLeaks(t);
  const server = await grpcServer(t, runtime());
  const say: ((text: string | undefined) => void)[] = [];
  async function* requests() {
    for (;;) {
      const text = await new Promise<string | undefined>((resolve) => say.push(resolve));
      if (text === undefined) return;
      yield { value: Buffer.from(text) };
    }
  }
  const opened = transportTo(t, server.url).stream(chat, undefined, 10_000, undefined, requests());
  const next = async (text: string | undefined) => {
    await until(() => say.length > 0, "the request stream is read");
    say.shift()?.(text);
  };
  await next("one");
  const answers = (await opened).message[Symbol.asyncIterator]();
  assert.equal(Buffer.from((await answers.next()).value.value).toString(), "one");
  await next("two");
  assert.equal(Buffer.from((await answers.next()).value.value).toString(), "two");
  await next(undefined);
  assert.equal((await answers.next()).done, true);
});

test("a failing request stream ends the call, with the failure as the cause", async (t) => {
  const server = await grpcServer(t, runtime());
  const mine = new Error("mine");
  async function* requests() {
    yield { value: new Uint8Array(1) };
    throw mine;
  }
  const transport = transportTo(t, server.url);
  const call = (async () =>
    collect((await transport.stream(sum, undefined, 10_000, undefined, requests())).message))();
  const error = await connectFailure(call);
  assert.equal(error.code, "canceled");
  assert.equal(error.cause, mine);
});

test("a slow consumer applies back-pressure to the server", async (t) => {
  checkLeaks(t);
  const log: { sent?: number; stopped?: number } = {};
  const server = await grpcServer(t, runtime(log));
  const answer = await transportTo(t, server.url).stream(
    RuntimeService.method.getContainerEvents,
    undefined,
    undefined,
    undefined,
    one({}),
  );
  const items = answer.message[Symbol.asyncIterator]();
  for (let i = 0; i < 3; i++) await items.next();
  let before = -1;
  while (before !== log.sent) {
    before = log.sent ?? 0;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  // The stream's window of 17 MiB, and the buffers of both sides.
  assert.ok(before * 100_000 < 40e6, `the server has sent ${before} messages of 100 kB`);
  for (let i = 3; i < before + 100; i++)
    assert.equal(Number.parseInt((await items.next()).value.containerId, 10), i, "in order, nothing lost");
  assert.ok((log.sent ?? 0) > before, "the server continues when the consumer reads again");
  await items.return?.();
  await until(() => log.stopped === 1, "the server was notified");
});

for (const leave of ["break", "throw", "return before next", "return while next waits"] as const)
  test(`stopping to read the stream resets it on the server: ${leave}`, async (t) => {
    checkLeaks(t);
    const log: { sent?: number; stopped?: number } = {};
    const server = await grpcServer(t, runtime(log));
    const { signal } = new AbortController();
    const answer = await transportTo(t, server.url).stream(
      RuntimeService.method.getContainerEvents,
      signal,
      undefined,
      undefined,
      one({}),
    );
    if (leave === "break") for await (const _ of answer.message) break;
    else if (leave === "throw")
      await assert.rejects(async () => {
        for await (const _ of answer.message) throw new Error("mine");
      }, /mine/);
    else {
      const items = answer.message[Symbol.asyncIterator]();
      if (leave === "return while next waits")
        for (let i = 0; i < 50; i++) void items.next().catch(() => undefined);
      await within(2_000, Promise.resolve(items.return?.()));
      assert.equal((await items.next()).done, true);
    }
    await until(() => server.running === 0 && log.stopped === 1, "the server's side ended");
    assert.deepEqual(server.endedWith, [8]);
    assertNoListeners(signal);
  });

test("an abort rejects with canceled and its reason as the cause, and resets the stream on the server", async (t) => {
  checkLeaks(t);
  const log: { stopped?: number } = {};
  const server = await grpcServer(t, runtime(log));
  const transport = transportTo(t, server.url);
  const stop = new AbortController();
  const reason = new Error("changed my mind");
  const call = transport.unary(RuntimeService.method.listContainers, stop.signal, undefined, undefined, {});
  await until(() => server.running === 1, "the call runs");
  stop.abort(reason);
  const error = await connectFailure(call);
  assert.deepEqual([error.code, error.reason], ["canceled", "aborted_by_caller"]);
  assert.equal(error.cause, reason);
  await until(() => log.stopped === 1, "the handler was notified");
  await until(() => server.endedWith.length === 1, "the stream ended");
  assert.deepEqual(server.endedWith, [8]);
  assertNoListeners(stop.signal);
  const before = await connectFailure(version(transport, { signal: stop.signal }));
  assert.equal(before.cause, reason);
  assert.equal(server.requests.length, 1, "an aborted call is not sent");
});

test("an abort ends a stream during a pending read", async (t) => {
  checkLeaks(t);
  const server = await grpcServer(t, runtime());
  const stop = new AbortController();
  const transport = transportTo(t, server.url);
  const call = (async () => {
    let count = 0;
    for await (const _ of events(transport, { signal: stop.signal })) if (++count === 2) stop.abort("enough");
  })();
  const error = await connectFailure(call);
  assert.deepEqual([error.code, error.cause], ["canceled", "enough"]);
  await until(() => server.running === 0, "the server's side ended");
  assertNoListeners(stop.signal);
});

for (const how of ["timeoutMs", "AbortSignal.timeout"] as const)
  test(`${how} is deadline_exceeded, and ends the call on the server`, async (t) => {
    checkLeaks(t);
    const log: { stopped?: number } = {};
    const server = await grpcServer(t, runtime(log));
    const signal = how === "timeoutMs" ? undefined : AbortSignal.timeout(100);
    const timeoutMs = how === "timeoutMs" ? 100 : undefined;
    const transport = transportTo(t, server.url);
    const error = await connectFailure(
      transport.unary(RuntimeService.method.listContainers, signal, timeoutMs, undefined, {}),
    );
    assert.deepEqual([error.code, error.reason], ["deadline_exceeded", "deadline"]);
    await until(() => log.stopped === 1, "the handler was notified");
  });

test("a deadline ends a stream during a pending read", async (t) => {
  checkLeaks(t);
  const server = await grpcServer(t, runtime());
  const error = await connectFailure(collect(events(transportTo(t, server.url), { timeoutMs: 300 })));
  assert.equal(error.code, "deadline_exceeded");
});

test("a timeoutMs of 0, or longer than a timer can run, means no deadline", async (t) => {
  checkLeaks(t);
  const server = await grpcServer(t, runtime());
  const transport = transportTo(t, server.url);
  for (const timeoutMs of [0, Number.POSITIVE_INFINITY, 2 ** 40]) await version(transport, { timeoutMs });
  assert.deepEqual(
    server.requests.map((h) => h["grpc-timeout"]),
    [undefined, undefined, undefined],
  );
});

test("a request that is not a message is rejected with invalid_request", async (t) => {
  const transport = transportTo(t, "/nowhere", { connectAttempts: 1 });
  const request = { filter: { state: { state: "running" } } };
  const error = await connectFailure(
    transport.unary(RuntimeService.method.listContainers, undefined, undefined, undefined, request as never),
  );
  assert.deepEqual([error.code, error.reason], ["invalid_argument", "invalid_request"]);
});
