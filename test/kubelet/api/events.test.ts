import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeletEvent } from "../../../src/kubelet/kubelet-event.js";
import { startTestCluster, type TestCluster } from "../../support/api-server/index.js";
import { nodeName, startSource } from "./source-host.js";

interface StoredEvent {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly count: number;
  readonly reason: string;
  readonly message: string;
  readonly involvedObject: Readonly<Record<string, string>>;
  readonly source: unknown;
  readonly firstTimestamp: string;
  readonly lastTimestamp: string;
}

const stored = (cluster: TestCluster) => cluster.list("events") as unknown as StoredEvent[];
const event = (reason: string, message: string, timeMs: number): KubeletEvent => ({
  ...{ type: "Normal", reason, message, timeMs },
  object: {
    kind: "Pod",
    namespace: "default",
    name: "web",
    uid: "uid-1",
    fieldPath: "spec.containers{main}",
  },
});

test("events of Pods and of the node are written, and the same one again is counted", async (t) => {
  const cluster = await startTestCluster(t, { nodeAuthorizer: true });
  const started = await startSource(t, cluster);
  const nowMs = started.clock.now();
  started.source.onEvent?.(event("Started", "Started container main", nowMs));
  started.source.onEvent?.({
    ...{ type: "Normal", reason: "Starting", message: "Starting kubelet.", timeMs: nowMs },
    object: { kind: "Node", namespace: "", name: nodeName, uid: nodeName },
  });
  await started.until(() => stored(cluster).length === 2, "two events");
  const byReason = new Map(stored(cluster).map((one) => [one.reason, one]));
  const first = byReason.get("Started");
  assert.deepEqual(first?.involvedObject, {
    ...{ apiVersion: "v1", kind: "Pod", namespace: "default", name: "web", uid: "uid-1" },
    fieldPath: "spec.containers{main}",
  });
  assert.deepEqual(first?.source, { component: "kubelet", host: nodeName });
  assert.equal(first?.firstTimestamp, "2026-01-01T00:00:00Z");
  assert.equal(byReason.get("Starting")?.metadata.namespace, "default");
  await started.clock.advance(5_000);
  started.source.onEvent?.(event("Started", "Started container main", started.clock.now()));
  await started.until(() => stored(cluster).some(({ count }) => count === 2), "a count");
  const again = stored(cluster).find(({ count }) => count === 2);
  assert.equal(again?.metadata.name, first?.metadata.name);
  assert.equal(again?.firstTimestamp, first?.firstTimestamp);
  assert.notEqual(again?.lastTimestamp, first?.lastTimestamp);
  // Events expire.
  cluster.delete("events", "default", again?.metadata.name ?? "");
  started.source.onEvent?.(event("Started", "Started container main", started.clock.now()));
  await started.until(() => stored(cluster).some(({ count }) => count === 3), "created anew");
  assert.deepEqual(cluster.requests({ code: 403 }), []);
});

test("events wait for an API server that is away, in order, and refused ones are dropped", async (t) => {
  const cluster = await startTestCluster(t, { nodeAuthorizer: true });
  const started = await startSource(t, cluster);
  await started.until(() => started.host.pods !== undefined, "connected");
  cluster.server.cutOff();
  for (const reason of ["One", "Two", "Three"])
    started.source.onEvent?.(event(reason, reason, started.clock.now()));
  await started.clock.advance(30_000);
  cluster.server.failNext(1, {
    code: 403,
    matches: ({ resource, body }) => resource === "events" && (body as { reason?: string }).reason === "Two",
  });
  cluster.server.reconnect();
  await started.until(() => stored(cluster).length === 2, "two events");
  assert.deepEqual(
    stored(cluster)
      .map(({ reason }) => reason)
      .sort(),
    ["One", "Three"],
  );
});

test("without writeEvents, none are written", async (t) => {
  const cluster = await startTestCluster(t, { nodeAuthorizer: true });
  const started = await startSource(t, cluster, { writeEvents: false });
  started.source.onEvent?.(event("Started", "Started container main", started.clock.now()));
  await started.until(() => started.host.pods !== undefined, "connected");
  await started.source.close();
  assert.deepEqual(cluster.requests({ resource: "events" }), []);
});
