import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestCluster } from "../../support/api-server/index.js";
import { boundPod, clientNodeReleases, nodeName, type StartedSource, startSource } from "./source-host.js";

const names = ({ host }: StartedSource) => (host.pods ?? []).map(({ metadata }) => metadata?.name).sort();
const hasNames = (started: StartedSource, ...wanted: string[]) => names(started).join() === wanted.join();

for (const release of clientNodeReleases)
  test(`Pods are given when they are bound to the node, change, and go (client-node ${release})`, async (t) => {
    const cluster = await startTestCluster(t, { nodeAuthorizer: true });
    cluster.createPod(boundPod("first"));
    cluster.createPod(boundPod("elsewhere", { nodeName: "node-2" }));
    const started = await startSource(t, cluster, { release });
    await started.until(() => hasNames(started, "first"), "the first Pod");
    cluster.createPod(boundPod("second"));
    await started.until(() => hasNames(started, "first", "second"), "the second Pod");
    cluster.createPod({ ...boundPod("third"), spec: { containers: [{ name: "main", image: "busybox" }] } });
    cluster.bind("third", nodeName);
    await started.until(() => hasNames(started, "first", "second", "third"), "a Pod that is bound later");
    cluster.delete("pods", "default", "second");
    const deleted = () => started.host.pods?.find(({ metadata }) => metadata?.name === "second");
    await started.until(() => deleted()?.metadata?.deletionTimestamp !== undefined, "the deletion timestamp");
    assert.equal(deleted()?.metadata?.deletionGracePeriodSeconds, 30);
    cluster.delete("pods", "default", "second", { gracePeriodSeconds: 0 });
    await started.until(() => hasNames(started, "first", "third"), "the Pod has gone");
    assert.deepEqual(cluster.requests({ code: 403 }), []);
  });

test("fields that no release of client-node knows are kept", async (t) => {
  const cluster = await startTestCluster(t, { nodeAuthorizer: true });
  cluster.createPod({
    ...boundPod("new"),
    spec: { ...boundPod("new").spec, futureField: { a: 1 } },
  } as never);
  const started = await startSource(t, cluster);
  const { pod } = await started.given("new");
  assert.deepEqual((pod.spec as { futureField?: unknown }).futureField, { a: 1 });
});

test("a watch that ends is continued, without a list", async (t) => {
  const cluster = await startTestCluster(t, { nodeAuthorizer: true });
  const started = await startSource(t, cluster);
  await started.until(() => started.host.pods !== undefined, "the first list");
  const lists = cluster.requests({ verb: "list", resource: "pods" }).length;
  for (const name of ["a", "b", "c"]) {
    cluster.server.endWatches();
    cluster.createPod(boundPod(name));
    await started.given(name);
  }
  assert.equal(cluster.requests({ verb: "list", resource: "pods" }).length, lists);
  const watches = cluster.requests({ verb: "watch", resource: "pods" });
  assert.equal(watches.at(-1)?.query.allowWatchBookmarks, "true");
  assert.equal(watches.at(-1)?.query.fieldSelector, `spec.nodeName=${nodeName}`);
});

test("Pods that were deleted and created during an outage are found after it", async (t) => {
  const cluster = await startTestCluster(t, { nodeAuthorizer: true });
  for (const name of ["kept", "gone", "again"]) cluster.createPod(boundPod(name));
  const started = await startSource(t, cluster);
  await started.until(() => hasNames(started, "again", "gone", "kept"), "three Pods");
  const uidOf = (name: string) =>
    started.host.pods?.find(({ metadata }) => metadata?.name === name)?.metadata?.uid;
  const before = uidOf("again");
  for (const expired of [false, true]) {
    cluster.server.cutOff();
    for (const name of ["gone", "again"]) cluster.delete("pods", "default", name, { gracePeriodSeconds: 0 });
    const created = cluster.createPod(boundPod("again"));
    cluster.createPod(boundPod(`new-${expired}`));
    await started.clock.advance(60_000);
    // A server that has forgotten the versions since then answers 410.
    if (expired) cluster.server.compact();
    cluster.server.reconnect();
    await started.until(
      () =>
        uidOf("again") === created.metadata.uid &&
        uidOf("gone") === undefined &&
        uidOf(`new-${expired}`) !== undefined,
      "the Pods as they are now",
    );
    assert.notEqual(uidOf("again"), before);
    cluster.createPod(boundPod("gone"));
    await started.given("gone");
  }
  assert.ok(uidOf("kept"));
});

test("a server that restarts, or that ends all watches at once, is not asked all the time", async (t) => {
  const cluster = await startTestCluster(t, { nodeAuthorizer: true });
  const started = await startSource(t, cluster);
  await started.until(() => started.host.pods !== undefined, "the first list");
  await cluster.server.restart();
  cluster.createPod(boundPod("after"));
  await started.given("after");
  cluster.server.failNext(Number.POSITIVE_INFINITY, { code: 500, matches: ({ verb }) => verb === "watch" });
  cluster.server.endWatches();
  const watches = () => cluster.requests({ verb: "watch", resource: "pods" }).length;
  const before = watches();
  const startMs = started.clock.now();
  await started.clock.until(() => started.clock.now() - startMs >= 60_000, { stepMs: 500 });
  // 200 ms, 400 ms, ... 10 s, and 10 s from then on.
  assert.ok(watches() - before >= 6 && watches() - before <= 16, `${watches() - before} watches in a minute`);
  cluster.server.failNoMore();
  cluster.createPod(boundPod("later"));
  await started.given("later");
});

test("close() ends all requests, even during an outage", async (t) => {
  const cluster = await startTestCluster(t, { nodeAuthorizer: true });
  const started = await startSource(t, cluster);
  await started.until(() => started.host.pods !== undefined, "the first list");
  cluster.server.cutOff({ how: "hang" });
  cluster.server.create({ apiVersion: "v1", kind: "Pod", ...boundPod("a") } as never);
  await started.source.close();
  await started.source.close();
  cluster.server.reconnect();
  const count = cluster.server.requests.length;
  await started.clock.advance(60_000);
  assert.equal(cluster.server.requests.length, count);
});
