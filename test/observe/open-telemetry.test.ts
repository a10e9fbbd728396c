import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import * as api from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { DataPointType, MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { CriError } from "../../src/index.js";
import { callAttributes } from "../../src/observe/open-telemetry.js";
import { type OpenTelemetryOptions, openTelemetry } from "../../src/observe.js";
import { parseEndpoint } from "../../src/transport.js";
import { cleanup } from "../support/cleanup.js";
import { failure } from "../support/failure.js";
import { until, within } from "../support/waiting.js";
import { inMemory, onSocket, podConfig, secret, through } from "./support.js";

class Reader extends MetricReader {
  protected override async onShutdown() {}
  protected override async onForceFlush() {}
}

/** Sets up an SDK for the test, with the global context manager and propagator of the API. */
function sdk(t: TestContext, options: Partial<OpenTelemetryOptions> = {}) {
  const exporter = new InMemorySpanExporter();
  const reader = new Reader();
  const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const meterProvider = new MeterProvider({ readers: [reader] });
  api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  api.propagation.setGlobalPropagator({
    inject(context, carrier, setter) {
      const span = api.trace.getSpanContext(context);
      if (span) setter.set(carrier, "traceparent", `00-${span.traceId}-${span.spanId}-0${span.traceFlags}`);
    },
    extract: (context) => context,
    fields: () => ["traceparent"],
  });
  cleanup(t, async () => {
    api.context.disable();
    api.propagation.disable();
    await tracerProvider.shutdown();
    await meterProvider.shutdown();
  });
  return {
    interceptor: openTelemetry({ api, tracerProvider, meterProvider, ...options }),
    tracer: tracerProvider.getTracer("the test"),
    get spans(): ReadableSpan[] {
      return exporter.getFinishedSpans();
    },
    async durations() {
      const { resourceMetrics } = await reader.collect();
      const [metric, ...more] = resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics);
      assert.ok(metric?.dataPointType === DataPointType.HISTOGRAM && more.length === 0);
      return { descriptor: metric.descriptor, points: metric.dataPoints };
    },
  };
}

const answer = { version: "0.1.0", runtimeName: "x", runtimeVersion: "1", runtimeApiVersion: "v1" };

test("each call has a span by the stable conventions, without its messages", async (t) => {
  const otel = sdk(t);
  const { cri, socket } = await onSocket(t, otel.interceptor);
  await cri.runtime.runPodSandbox({ config: podConfig(secret) });
  const span = otel.spans.find(({ name }) => name.endsWith("/RunPodSandbox"));
  assert.ok(span);
  assert.deepEqual(
    [span.name, span.kind, span.status],
    ["runtime.v1.RuntimeService/RunPodSandbox", api.SpanKind.CLIENT, { code: api.SpanStatusCode.UNSET }],
  );
  assert.deepEqual(span.attributes, {
    "rpc.system.name": "grpc",
    "rpc.method": "runtime.v1.RuntimeService/RunPodSandbox",
    "rpc.response.status_code": "OK",
    "server.address": socket,
    "network.transport": "unix",
  });
  assert.deepEqual([span.instrumentationScope.name, span.events], ["cri-sdk", []]);
  assert.ok(!JSON.stringify([span.attributes, span.name]).includes(secret));
});

test("spans are children of the caller's, and their context is sent to the runtime in the headers", async (t) => {
  const otel = sdk(t);
  const seen: (string | undefined)[] = [];
  const runtime = {
    version: (_: unknown, { headers }: { readonly headers: Readonly<Record<string, string>> }) => {
      seen.push(headers.traceparent);
      return answer;
    },
  };
  const cri = through(t, { runtime }, otel.interceptor, (next) => (call) => {
    otel.tracer.startSpan("inside").end();
    return next(call);
  });
  await otel.tracer.startActiveSpan("outer", async (outer) => {
    await cri.runtime.version();
    outer.end();
  });
  const [inside, call, outer] = otel.spans;
  assert.ok(inside && call && outer);
  assert.deepEqual(
    [inside.parentSpanContext?.spanId, call.parentSpanContext?.spanId],
    [call.spanContext().spanId, outer.spanContext().spanId],
  );
  const { traceId, spanId } = call.spanContext();
  assert.deepEqual(seen, [`00-${traceId}-${spanId}-01`]);
});

test("a propagator that throws does not fail the call, and its span ends", async (t) => {
  const otel = sdk(t);
  api.propagation.disable();
  api.propagation.setGlobalPropagator({
    inject() {
      throw new Error("bad propagator");
    },
    extract: (context) => context,
    fields: () => [],
  });
  const cri = await inMemory(t, otel.interceptor);
  await cri.runtime.version();
  assert.equal(otel.spans.length, 1);
});

test("propagate: false sends no context", async (t) => {
  const otel = sdk(t, { propagate: false });
  const { cri } = await onSocket(t, otel.interceptor, (next) => (call) => {
    assert.equal(call.header.get("traceparent"), null);
    return next(call);
  });
  await cri.runtime.version();
  assert.ok(otel.spans.length >= 1);
});

test("error.type is the reason if the client knows it, otherwise the status; texts contain no secrets", async (t) => {
  const otel = sdk(t, { oldNames: true });
  const image = {
    pullImage: () => {
      throw new CriError({ code: "not_found", reason: "runtime_error", rawMessage: `no ${secret}` });
    },
  };
  const cri = through(t, { image }, otel.interceptor);
  await failure(cri.image.pullImage({ image: { image: "busybox" }, auth: { password: secret } }));
  const stop = AbortSignal.abort();
  await failure(cri.image.imageStatus({ image: { image: "busybox" } }, { signal: stop }));
  const [missing, aborted] = otel.spans;
  assert.ok(missing && aborted);
  assert.deepEqual(missing.status, { code: api.SpanStatusCode.ERROR, message: "no [redacted]" });
  assert.deepEqual(missing.attributes, {
    "rpc.system.name": "grpc",
    "rpc.method": "runtime.v1.ImageService/PullImage",
    "rpc.response.status_code": "NOT_FOUND",
    "error.type": "NOT_FOUND",
    "rpc.system": "grpc",
    "rpc.service": "runtime.v1.ImageService",
    "rpc.grpc.status_code": 5,
  });
  const [exception] = missing.events;
  assert.deepEqual(
    [exception?.name, exception?.attributes?.["exception.type"]],
    ["exception", "runtime_error"],
  );
  assert.match(String(exception?.attributes?.["exception.stacktrace"]), /no \[redacted\]/);
  assert.ok(!JSON.stringify(missing.events).includes(secret));
  assert.deepEqual(
    [aborted.attributes["rpc.response.status_code"], aborted.attributes["error.type"]],
    ["CANCELLED", "aborted_by_caller"],
  );
});

test("a stream has one span that ends with it: stopped, complete, aborted, broken", async (t) => {
  const otel = sdk(t, { messageEvents: true });
  let begun = 0;
  const cri = await inMemory(t, otel.interceptor, (next) => async (call) => {
    const answer = await next(call);
    if (call.stream) begun++;
    return answer;
  });
  const events = cri.runtime.getContainerEvents();
  const first = events.next();
  await until(() => begun === 1, "the stream has started");
  await cri.runtime.runPodSandbox({ config: podConfig() });
  await within(5_000, first);
  assert.ok(!otel.spans.some(isEvents), "the span lasts as long as the stream");
  await events.return?.();
  const left = otel.spans.find(isEvents);
  assert.deepEqual(left?.status, { code: api.SpanStatusCode.UNSET });
  assert.deepEqual(
    [left?.attributes["rpc.response.status_code"], left?.attributes["cri.stream.messages"]],
    ["CANCELLED", 1],
  );
  assert.equal(left?.attributes["error.type"], undefined);
  assert.deepEqual(
    left?.events.map(({ name, attributes }) => [name, attributes]),
    [["rpc.message", { "rpc.message.type": "RECEIVED", "rpc.message.id": 1 }]],
  );
  await cri.lists.podSandboxes().collect();
  assert.equal(otel.spans.at(-1)?.attributes["rpc.response.status_code"], "OK");
  const late = await failure(cri.runtime.getContainerEvents({}, { timeoutMs: 20 }).next());
  assert.equal(late.reason, "deadline");
  const { attributes, status } = otel.spans.at(-1) as ReadableSpan;
  assert.deepEqual(
    [attributes["rpc.response.status_code"], attributes["error.type"], status.code],
    ["DEADLINE_EXCEEDED", "deadline", api.SpanStatusCode.ERROR],
  );
});

test("durations are recorded in seconds, by method and result", async (t) => {
  const otel = sdk(t);
  const runtime = {
    version: () => answer,
    status: () => {
      throw new CriError({ code: "internal", reason: "runtime_error", rawMessage: "broken" });
    },
  };
  const cri = through(t, { runtime }, otel.interceptor);
  await cri.runtime.version();
  await cri.runtime.version();
  await failure(cri.runtime.status());
  const { descriptor, points } = await otel.durations();
  assert.deepEqual([descriptor.name, descriptor.unit], ["rpc.client.call.duration", "s"]);
  const about = { "rpc.system.name": "grpc" };
  assert.deepEqual(
    points.map(({ attributes, value }) => [attributes, (value as { readonly count: number }).count]),
    [
      [{ ...about, "rpc.method": "runtime.v1.RuntimeService/Version", "rpc.response.status_code": "OK" }, 2],
      [
        {
          ...about,
          "rpc.method": "runtime.v1.RuntimeService/Status",
          "rpc.response.status_code": "INTERNAL",
          "error.type": "INTERNAL",
        },
        1,
      ],
    ],
  );
});

test("messages are in spans only with payloads: true, with secrets masked", async (t) => {
  const otel = sdk(t, { payloads: true, redact: { limitChars: 5 } });
  const cri = through(t, { image: { pullImage: () => ({ imageRef: "sha256:abc" }) } }, otel.interceptor);
  await cri.image.pullImage({ image: { image: "busybox" }, auth: { username: "me", password: secret } });
  const { attributes } = otel.spans[0] as ReadableSpan;
  assert.deepEqual(JSON.parse(String(attributes["cri.request"])), {
    image: { image: "busyb… [7 characters]" },
    auth: { username: "me", password: "[redacted]" },
  });
  assert.deepEqual(JSON.parse(String(attributes["cri.response"])), { imageRef: "sha25… [10 characters]" });
});

test("it works without an SDK; an SDK that is registered later is used", async (t) => {
  const cri = through(t, { runtime: { version: () => answer } }, openTelemetry({ api }));
  await cri.runtime.version();
  const exporter = new InMemorySpanExporter();
  const reader = new Reader();
  const meterProvider = new MeterProvider({ readers: [reader] });
  api.metrics.setGlobalMeterProvider(meterProvider);
  api.trace.setGlobalTracerProvider(
    new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
  );
  cleanup(t, async () => {
    api.metrics.disable();
    api.trace.disable();
    await meterProvider.shutdown();
  });
  await cri.runtime.version();
  assert.equal(exporter.getFinishedSpans().length, 1);
  const { resourceMetrics } = await reader.collect();
  assert.equal(resourceMetrics.scopeMetrics[0]?.metrics[0]?.descriptor.name, "rpc.client.call.duration");
});

test("an invalid API is rejected, and a failing SDK does not affect the call", async (t) => {
  const given = undefined as unknown as typeof api;
  const error = await failure(Promise.resolve().then(() => openTelemetry({ api: given })));
  assert.deepEqual([error.reason, error.problems[0]?.path], ["invalid_option", "api"]);
  const meterProvider = {
    getMeter: () => {
      throw new Error("no meter");
    },
  };
  const otel = sdk(t, { meterProvider });
  const cri = through(t, { runtime: { version: () => answer } }, otel.interceptor);
  assert.equal((await cri.runtime.version()).runtimeName, "x");
  assert.equal(otel.spans.length, 1, "the span was ended");
});

test("server attributes of every kind of endpoint", () => {
  const of = (endpoint: string) => {
    const {
      "rpc.system.name": _,
      "rpc.method": __,
      ...server
    } = callAttributes(method, parseEndpoint(endpoint));
    return server;
  };
  const method = { name: "Version", parent: { typeName: "runtime.v1.RuntimeService" } };
  assert.deepEqual(of("tcp://[::1]:10010"), {
    "server.address": "::1",
    "server.port": 10010,
    "network.transport": "tcp",
  });
  assert.deepEqual(of("@cri"), { "server.address": "@cri", "network.transport": "unix" });
  const pipe = { "server.address": "\\\\.\\pipe\\cri", "network.transport": "pipe" };
  assert.deepEqual(of("npipe:////./pipe/cri"), pipe);
});

const isEvents = ({ name }: ReadableSpan) => name.endsWith("/GetContainerEvents");
