import assert from "node:assert/strict";
import { test } from "node:test";
import type { PodCondition } from "../../../src/kubernetes/index.js";
import { startTestCluster, type TestCluster } from "../../support/api-server/index.js";
import { boundPod, clientNodeReleases, endedStatus, runningStatus, startSource } from "./source-host.js";

const start = new Date("2026-01-01T00:00:00Z");
const later = (seconds: number) => new Date(start.getTime() + seconds * 1_000);
const patches = (cluster: TestCluster, name: string) =>
  cluster.requests({ verb: "patch", resource: "pods/status", name });
const conditionsOf = (cluster: TestCluster, name: string) =>
  new Map((cluster.pod(name).status?.conditions ?? []).map((condition) => [condition.type, condition]));
const ready = (cluster: TestCluster, name: string): PodCondition<string> | undefined =>
  conditionsOf(cluster, name).get("Ready");

for (const release of clientNodeReleases)
  test(`a status is a strategic merge patch of what has changed, with the uid (client-node ${release})`, async (t) => {
    const cluster = await startTestCluster(t, { nodeAuthorizer: true });
    const created = cluster.createPod(boundPod("web"));
    const started = await startSource(t, cluster, { release });
    const pod = await started.given("web");
    started.source.onStatus?.(pod, runningStatus(start));
    await started.until(() => cluster.pod("web").status?.phase === "Running", "Running");
    assert.equal(cluster.pod("web").status?.podIP, "10.1.0.1");
    started.source.onStatus?.(
      pod,
      runningStatus(start, { message: "a message", podIP: "10.1.0.2", podIPs: [{ ip: "10.1.0.2" }] }),
    );
    await started.until(() => cluster.pod("web").status?.message === "a message", "the message");
    const [, second] = patches(cluster, "web");
    assert.equal(second?.contentType, "application/strategic-merge-patch+json");
    assert.deepEqual(second?.body, {
      metadata: { uid: created.metadata.uid },
      status: {
        message: "a message",
        podIP: "10.1.0.2",
        podIPs: [{ $patch: "replace" }, { ip: "10.1.0.2" }],
      },
    });
    assert.deepEqual(cluster.pod("web").status?.podIPs, [{ ip: "10.1.0.2" }]);
    started.source.onStatus?.(pod, runningStatus(start));
    await started.until(() => cluster.pod("web").status?.message === undefined, "the message has gone");
    // The same status again is no patch.
    started.source.onStatus?.(pod, runningStatus(start));
    await started.source.close();
    assert.equal(patches(cluster, "web").length, 3);
    assert.deepEqual(cluster.requests({ code: 403 }), []);
  });

test("settleStatus resolves when a status has arrived, or has failed", async (t) => {
  const cluster = await startTestCluster(t, { nodeAuthorizer: true });
  cluster.createPod(boundPod("web"));
  const started = await startSource(t, cluster);
  const pod = await started.given("web");
  const { signal } = new AbortController();
  started.source.onStatus?.(pod, runningStatus(start));
  await started.source.settleStatus?.(pod, signal);
  assert.equal(cluster.pod("web").status?.phase, "Running");
  // Nothing is pending.
  await started.source.settleStatus?.(pod, signal);
  cluster.server.failNext(Number.POSITIVE_INFINITY, {
    code: 500,
    matches: ({ resource }) => resource === "pods/status",
  });
  started.source.onStatus?.(pod, runningStatus(start, { message: "not accepted" }));
  await started.source.settleStatus?.(pod, signal);
  assert.equal(cluster.pod("web").status?.message, undefined);
});

test("the newest status arrives after failures and an outage, and none of the older ones after it", async (t) => {
  const cluster = await startTestCluster(t, { nodeAuthorizer: true });
  cluster.createPod(boundPod("web"));
  const started = await startSource(t, cluster);
  const pod = await started.given("web");
  const isStatus = ({ resource }: { resource: string }) => resource === "pods/status";
  cluster.server.failNext(2, { code: 500, matches: isStatus });
  cluster.server.failNext(1, { code: 409, matches: isStatus });
  // The request is carried out, and the answer is lost.
  cluster.server.failNext(1, { code: 504, matches: isStatus, afterwards: true });
  for (const message of ["one", "two", "three"])
    started.source.onStatus?.(pod, runningStatus(start, { message }));
  await started.until(() => cluster.pod("web").status?.message === "three", "the third");
  cluster.server.cutOff();
  for (const message of ["four", "five"]) started.source.onStatus?.(pod, runningStatus(start, { message }));
  await started.clock.advance(60_000);
  cluster.server.reconnect();
  await started.until(() => cluster.pod("web").status?.message === "five", "the fifth");
  const messages = patches(cluster, "web").map(
    ({ body }) => (body as { status?: { message?: string } }).status?.message,
  );
  assert.deepEqual([...new Set(messages)], ["three", "five"]);
});

test("a busy API server is left alone as long as it asks for", async (t) => {
  const cluster = await startTestCluster(t, { nodeAuthorizer: true });
  cluster.createPod(boundPod("web"));
  const started = await startSource(t, cluster);
  const pod = await started.given("web");
  cluster.server.failNext(1, {
    code: 429,
    retryAfterSeconds: 20,
    matches: ({ resource }) => resource === "pods/status",
  });
  const before = started.clock.now();
  started.source.onStatus?.(pod, runningStatus(start));
  await started.until(() => cluster.pod("web").status?.phase === "Running", "Running");
  assert.ok(started.clock.now() - before >= 20_000, `after ${started.clock.now() - before} ms`);
});

test("conditions of others stay, readiness gates count, and opened ones are seen", async (t) => {
  const cluster = await startTestCluster(t, { nodeAuthorizer: true });
  cluster.createPod(boundPod("web", { readinessGates: [{ conditionType: "example.com/lb" }] }));
  const started = await startSource(t, cluster);
  const pod = await started.given("web");
  started.source.onStatus?.(pod, runningStatus(start));
  await started.until(() => ready(cluster, "web")?.status === "False", "not ready");
  assert.equal(ready(cluster, "web")?.reason, "ReadinessGatesNotReady");
  assert.equal(
    ready(cluster, "web")?.message,
    'corresponding condition of pod readiness gate "example.com/lb" does not exist.',
  );
  const gate = { type: "example.com/lb", status: "True" };
  cluster.patch("pods", "default", "web", { status: { conditions: [gate] } }, { subresource: "status" });
  await started.until(() => ready(cluster, "web")?.status === "True", "ready");
  assert.equal(ready(cluster, "web")?.reason, undefined);
  assert.equal(conditionsOf(cluster, "web").get("example.com/lb")?.status, "True");
});

test("a status that another client has overwritten is restored", async (t) => {
  const cluster = await startTestCluster(t, { nodeAuthorizer: true });
  cluster.createPod(boundPod("web"));
  const started = await startSource(t, cluster);
  started.source.onStatus?.(await started.given("web"), runningStatus(start));
  await started.until(() => ready(cluster, "web")?.status === "True", "ready");
  const lost = { type: "Ready", status: "False", reason: "NodeNotReady" };
  cluster.patch("pods", "default", "web", { status: { conditions: [lost] } }, { subresource: "status" });
  await started.until(() => ready(cluster, "web")?.status === "True", "ready again");
  assert.equal(ready(cluster, "web")?.reason, undefined);
});

test("a terminal phase never changes, and a restarted kubelet keeps times and restart counts", async (t) => {
  const cluster = await startTestCluster(t, { nodeAuthorizer: true });
  for (const name of ["job", "web"]) cluster.createPod(boundPod(name, { restartPolicy: "Never" }));
  const first = await startSource(t, cluster);
  first.source.onStatus?.(await first.given("job"), endedStatus(start, 1));
  const [main] = runningStatus(start).containerStatuses ?? [];
  assert.ok(main);
  const containerStatuses = [{ ...main, restartCount: 3 }];
  first.source.onStatus?.(await first.given("web"), runningStatus(start, { containerStatuses }));
  await first.until(() => cluster.pod("job").status?.phase === "Failed", "Failed");
  await first.until(() => cluster.pod("web").status?.phase === "Running", "Running");
  await first.source.close();
  assert.equal(ready(cluster, "job")?.status, "False");
  const second = await startSource(t, cluster);
  second.source.onStatus?.(await second.given("job"), runningStatus(later(60), { message: "x" }));
  second.source.onStatus?.(
    await second.given("web"),
    runningStatus(later(60), { message: "x", containerStatuses: [main] }),
  );
  await second.until(() => cluster.pod("web").status?.message === "x", "the new status");
  await second.source.close();
  const job = cluster.pod("job").status;
  assert.deepEqual([job?.phase, job?.message], ["Failed", undefined]);
  assert.equal(job?.containerStatuses?.[0]?.state?.terminated?.exitCode, 1);
  const web = cluster.pod("web").status;
  assert.equal(web?.startTime, "2026-01-01T00:00:00Z");
  assert.equal(ready(cluster, "web")?.lastTransitionTime, "2026-01-01T00:00:00Z");
  assert.equal(web?.containerStatuses?.[0]?.restartCount, 3);
});

test("the status of a Pod is not given to another one of its name", async (t) => {
  const cluster = await startTestCluster(t, { nodeAuthorizer: true });
  cluster.createPod(boundPod("web"));
  const started = await startSource(t, cluster);
  const pod = await started.given("web");
  cluster.server.cutOff();
  cluster.delete("pods", "default", "web", { gracePeriodSeconds: 0 });
  cluster.createPod(boundPod("web"));
  started.source.onStatus?.(pod, runningStatus(start));
  started.source.onRemoved?.(pod);
  cluster.server.reconnect();
  await started.until(
    () => started.host.pods?.[0]?.metadata?.uid !== pod.pod.metadata?.uid,
    "the new Pod is known",
  );
  const other = await started.given("web");
  started.source.onStatus?.(other, runningStatus(later(5), { message: "of the new one" }));
  await started.until(() => cluster.pod("web").status?.message === "of the new one", "its own status");
  assert.equal(cluster.pod("web").status?.startTime, "2026-01-01T00:00:05Z");
  assert.deepEqual(cluster.requests({ verb: "delete", resource: "pods" }), []);
});

test("a deleted Pod goes once nothing of it is left: grace 0, with its uid, after its last status", async (t) => {
  const cluster = await startTestCluster(t, { nodeAuthorizer: true });
  const created = cluster.createPod(boundPod("web"));
  const started = await startSource(t, cluster);
  started.source.onStatus?.(await started.given("web"), runningStatus(start));
  cluster.delete("pods", "default", "web");
  const isTerminating = () => started.host.pods?.[0]?.metadata?.deletionTimestamp !== undefined;
  await started.until(isTerminating, "the deletion is known");
  const pod = await started.given("web");
  started.source.onStatus?.(pod, endedStatus(start));
  await started.until(() => cluster.pod("web").status?.phase === "Succeeded", "the last status");
  assert.ok(cluster.find("pods", "default", "web"), "not before the files and the cgroup have gone");
  cluster.server.failNext(2, { code: 503, matches: ({ verb }) => verb === "delete" });
  started.source.onRemoved?.(pod);
  await started.until(() => cluster.find("pods", "default", "web") === undefined, "gone");
  assert.deepEqual(cluster.requests({ verb: "delete", resource: "pods" }).at(-1)?.body, {
    ...{ apiVersion: "v1", kind: "DeleteOptions" },
    ...{ gracePeriodSeconds: 0, preconditions: { uid: created.metadata.uid } },
  });
  await started.until(() => started.host.pods?.length === 0, "not given any more");
});

test("a Pod that was removed before its deletion, or never started, is deleted at once", async (t) => {
  const cluster = await startTestCluster(t, { nodeAuthorizer: true });
  cluster.createPod(boundPod("job"));
  const started = await startSource(t, cluster);
  const pod = await started.given("job");
  started.source.onStatus?.(pod, endedStatus(start));
  started.source.onRemoved?.(pod);
  await started.until(() => cluster.pod("job").status?.phase === "Succeeded", "ended");
  cluster.delete("pods", "default", "job");
  await started.until(() => cluster.find("pods", "default", "job") === undefined, "gone");
  cluster.createPod(boundPod("unstarted"));
  await started.given("unstarted");
  cluster.delete("pods", "default", "unstarted");
  await started.until(
    () => started.host.pods?.[0]?.metadata?.deletionTimestamp !== undefined,
    "the deletion is known",
  );
  started.source.onRemoved?.(await started.given("unstarted"));
  await started.until(() => cluster.find("pods", "default", "unstarted") === undefined, "gone");
});

test("a deletion that ends during an outage ends after it", async (t) => {
  const cluster = await startTestCluster(t, { nodeAuthorizer: true });
  cluster.createPod(boundPod("web"));
  const started = await startSource(t, cluster);
  started.source.onStatus?.(await started.given("web"), runningStatus(start));
  cluster.delete("pods", "default", "web");
  await started.until(() => started.host.pods?.[0]?.metadata?.deletionTimestamp !== undefined, "deleted");
  cluster.server.cutOff();
  const pod = { pod: started.host.pods?.[0] ?? {}, source: "api" };
  started.source.onStatus?.(pod, endedStatus(start));
  started.source.onRemoved?.(pod);
  await started.clock.advance(90_000);
  cluster.server.reconnect();
  await started.until(() => cluster.find("pods", "default", "web") === undefined, "gone");
});

test("a status that the API server refuses is an event, and does not hold up others", async (t) => {
  const cluster = await startTestCluster(t, { nodeAuthorizer: true });
  for (const name of ["bad", "good"]) cluster.createPod(boundPod(name));
  const started = await startSource(t, cluster);
  cluster.server.failNext(Number.POSITIVE_INFINITY, {
    code: 422,
    matches: ({ resource, name }) => resource === "pods/status" && name === "bad",
  });
  for (const name of ["bad", "good"])
    started.source.onStatus?.(await started.given(name), runningStatus(start));
  await started.until(() => cluster.pod("good").status?.phase === "Running", "the good one");
  await started.until(
    () => started.host.events.some(({ reason }) => reason === "FailedStatusUpdate"),
    "an event",
  );
  cluster.server.failNoMore();
  await started.until(() => cluster.pod("bad").status?.phase === "Running", "the other one");
  assert.equal(started.host.events.filter(({ reason }) => reason === "FailedStatusUpdate").length, 1);
});
