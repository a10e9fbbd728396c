import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { tracingChannel } from "node:diagnostics_channel";
import { test } from "node:test";
import * as api from "@opentelemetry/api";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { connect } from "../../src/index.js";
import { logRequests, openTelemetry, type RequestRecord, type RpcDiagnostics } from "../../src/observe.js";
import { failure } from "../support/failure.js";
import { containerConfig, runPod, type Subject } from "./support.js";

const secret = "hunter2-hunter2";

/** Cases that observe calls to a real runtime with all three mechanisms at once. */
export function observeCases(subject: () => Subject): void {
  test("spans, records and diagnostics events report the same calls, without secrets", async () => {
    const { runtime } = subject();
    await using pod = await runPod(subject(), "observed");
    const exporter = new InMemorySpanExporter();
    const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
    const records: RequestRecord[] = [];
    const events: RpcDiagnostics[] = [];
    const channel = tracingChannel("cri-sdk:rpc");
    const onEnd = (message: unknown) => events.push(message as RpcDiagnostics);
    channel.asyncEnd.subscribe(onEnd);
    try {
      const interceptors = [
        openTelemetry({ api, tracerProvider, payloads: true }),
        logRequests((record) => records.push(record), { responses: true }),
      ];
      await using cri = await connect({ endpoint: runtime.endpoint, interceptors });
      const { podSandboxId, sandboxConfig } = pod;
      const config = {
        ...containerConfig(subject(), "secretive", ["sleep", "60"]),
        envs: [{ key: "TOKEN", value: Buffer.from(secret) }],
      };
      const { containerId } = await cri.runtime.createContainer({ podSandboxId, config, sandboxConfig });
      // containerd returns the whole config, environment included, in the verbose status.
      const { info } = await cri.runtime.containerStatus({ containerId, verbose: true });
      assert.ok(JSON.stringify(info).includes("TOKEN"), "the verbose status contains no environment to mask");
      await failure(cri.runtime.containerStatus({ containerId: randomUUID() }), "object_missing");
      const auth = { username: "test-user", password: secret };
      const image = { image: "127.0.0.1:1/nowhere:1" };
      await assert.rejects(cri.image.pullImage({ image, auth }), { name: "CriError" });
    } finally {
      channel.asyncEnd.unsubscribe(onEnd);
    }
    const called = ["CreateContainer", "ContainerStatus", "ContainerStatus", "PullImage"];
    const spans = exporter.getFinishedSpans();
    await tracerProvider.shutdown();
    const methods = spans.map(({ name }) => name.slice(name.indexOf("/") + 1));
    assert.deepEqual(
      methods.filter((method) => method !== "Version"),
      called,
    );
    assert.deepEqual(
      records.map(({ method }) => method).filter((method) => method !== "Version"),
      called,
    );
    assert.deepEqual(
      // The channel has the calls of all clients of the process: lists of the suite's own may end now.
      events.filter(({ method }) => called.includes(method)).map(({ method, end }) => `${method} ${end}`),
      called.map((method, number) => `${method} ${number < 2 ? "complete" : "failed"}`),
    );
    assert.deepEqual(
      spans.map(({ attributes }) => attributes["server.address"]),
      spans.map(() => runtime.endpoint.replace("unix://", "")),
    );
    const observed = JSON.stringify([
      spans.map(({ name, attributes, events, status }) => [name, attributes, events, status]),
      records,
      events.map(({ request, result, error }) => [request, result, error?.message]),
    ]);
    assert.ok(observed.includes("test-user") && observed.includes("TOKEN"));
    assert.ok(!observed.includes(secret));
    assert.ok(!observed.includes(Buffer.from(secret).toString("base64")));
  });
}
