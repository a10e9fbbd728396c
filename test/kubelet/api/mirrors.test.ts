import assert from "node:assert/strict";
import { test } from "node:test";
import type { SourcePod } from "../../../src/kubelet/pod-source.js";
import { startTestCluster, type TestCluster } from "../../support/api-server/index.js";
import { boundPod, nodeName, runningStatus, startSource, type TestHost } from "./source-host.js";

const start = new Date("2026-01-01T00:00:00Z");
const name = `etcd-${nodeName}`;

function staticPod(hash: string): SourcePod {
  const { spec } = boundPod(name);
  const annotations = { "kubernetes.io/config.hash": hash, "kubernetes.io/config.source": "file" };
  return {
    pod: {
      metadata: { name, namespace: "kube-system", uid: hash, annotations, labels: { app: "etcd" } },
      ...(spec && { spec }),
    },
    source: "file",
  };
}

const mirror = (cluster: TestCluster) => cluster.find("pods", "kube-system", name);
const withStatics =
  (...pods: SourcePod[]) =>
  (host: TestHost) => {
    host.statics = pods;
  };

test("a static pod has a mirror with its status, which belongs to the Node and is not given to the kubelet", async (t) => {
  const cluster = await startTestCluster(t, { nodeAuthorizer: true });
  const pod = staticPod("hash-1");
  const started = await startSource(t, cluster, { prepareHost: withStatics(pod) });
  started.source.onStatus?.(pod, runningStatus(start));
  await started.until(() => mirror(cluster) !== undefined, "a mirror");
  const { metadata, spec } = cluster.pod(name, "kube-system");
  const { annotations = {} } = metadata ?? {};
  assert.equal(annotations["kubernetes.io/config.mirror"], "hash-1");
  assert.equal(annotations["kubernetes.io/config.hash"], "hash-1");
  assert.equal(annotations["kubernetes.io/config.source"], "file");
  assert.match(annotations["kubernetes.io/config.seen"] ?? "", /^2026-01-01T/);
  assert.deepEqual(metadata?.labels, { app: "etcd" });
  assert.equal(spec?.nodeName, nodeName);
  const nodeUid = cluster.find("nodes", "", nodeName)?.metadata.uid;
  assert.deepEqual(metadata?.ownerReferences, [
    { apiVersion: "v1", kind: "Node", name: nodeName, uid: nodeUid, controller: true },
  ]);
  assert.notEqual(metadata?.uid, "hash-1");
  await started.until(() => cluster.pod(name, "kube-system").status?.phase === "Running", "its status");
  assert.deepEqual(started.host.pods, []);
  assert.deepEqual(cluster.requests({ code: 403 }), []);
});

test("a deleted mirror pod is created again, even after a graceful deletion by kubectl", async (t) => {
  const cluster = await startTestCluster(t, { nodeAuthorizer: true });
  const pod = staticPod("hash-1");
  const started = await startSource(t, cluster, { prepareHost: withStatics(pod) });
  started.source.onStatus?.(pod, runningStatus(start));
  for (const options of [{}, { gracePeriodSeconds: 0 }]) {
    await started.until(() => cluster.find("pods", "kube-system", name) !== undefined, "a mirror");
    const before = mirror(cluster)?.metadata.uid;
    cluster.delete("pods", "kube-system", name, options);
    await started.until(
      () => mirror(cluster) !== undefined && mirror(cluster)?.metadata.uid !== before,
      "a new mirror",
    );
    await started.until(() => cluster.pod(name, "kube-system").status?.phase === "Running", "its status");
  }
});

test("a changed static pod gets a new mirror, and the status of the old one goes nowhere", async (t) => {
  const cluster = await startTestCluster(t, { nodeAuthorizer: true });
  const [old, changed] = [staticPod("hash-1"), staticPod("hash-2")];
  const started = await startSource(t, cluster, { prepareHost: withStatics(old) });
  started.source.onStatus?.(old, runningStatus(start));
  await started.until(() => mirror(cluster) !== undefined, "a mirror");
  started.host.statics = [changed];
  started.source.onStatus?.(old, runningStatus(start, { message: "stopping" }));
  await started.until(
    () => cluster.pod(name, "kube-system").status?.message === "stopping",
    "stopping is shown",
  );
  started.source.onRemoved?.(old);
  started.source.onStatus?.(changed, runningStatus(start));
  const hash = () => mirror(cluster)?.metadata.annotations?.["kubernetes.io/config.mirror"];
  await started.until(() => hash() === "hash-2", "the new mirror");
  await started.until(() => cluster.pod(name, "kube-system").status?.phase === "Running", "its status");
  assert.equal(cluster.pod(name, "kube-system").status?.message, undefined);
});

test("the mirror of a static pod is deleted with it; mirrors of earlier runs are deleted once all sources are known", async (t) => {
  const cluster = await startTestCluster(t, { nodeAuthorizer: true });
  const pod = staticPod("hash-1");
  const first = await startSource(t, cluster, { prepareHost: withStatics(pod) });
  first.source.onStatus?.(pod, runningStatus(start));
  await first.until(() => mirror(cluster) !== undefined, "a mirror");
  first.host.statics = [];
  first.source.onRemoved?.(pod);
  await first.until(() => mirror(cluster) === undefined, "gone with its pod");
  first.host.statics = [pod];
  first.source.onStatus?.(pod, runningStatus(start));
  await first.until(() => mirror(cluster) !== undefined, "a mirror again");
  await first.source.close();

  const second = await startSource(t, cluster, {
    prepareHost: (host) => {
      host.statics = undefined;
    },
  });
  await second.until(() => second.host.pods !== undefined, "Pods were read");
  cluster.createPod(boundPod("other"));
  await second.given("other");
  assert.ok(mirror(cluster), "not before all sources have given their pods");
  second.host.statics = [];
  second.source.onNode?.(second.host.current);
  await second.until(() => mirror(cluster) === undefined, "gone");
});

test("static pods get their mirrors after an outage, and a refused one is an event", async (t) => {
  const cluster = await startTestCluster(t, { nodeAuthorizer: true });
  await cluster.server.stop();
  const pod = staticPod("hash-1");
  const started = await startSource(t, cluster, { prepareHost: withStatics(pod) });
  started.source.onStatus?.(pod, runningStatus(start));
  await started.clock.advance(60_000);
  await cluster.server.start();
  cluster.server.failNext(3, {
    code: 403,
    matches: ({ resource, verb }) => resource === "pods" && verb === "create",
  });
  await started.until(() => mirror(cluster) !== undefined, "a mirror");
  await started.until(() => cluster.pod(name, "kube-system").status?.phase === "Running", "its status");
  const refusals = started.host.events.filter(({ reason }) => reason === "FailedCreateMirrorPod");
  assert.deepEqual(
    refusals.map(({ object }) => object.uid),
    ["hash-1"],
  );
});

test("events that are recorded before the source has started are not lost", async (t) => {
  const cluster = await startTestCluster(t, { nodeAuthorizer: true });
  const pod = staticPod("hash-1");
  const started = await startSource(t, cluster, {
    prepareHost: withStatics(pod),
    prepareSource: (source) => source.onStatus?.(pod, runningStatus(start)),
  });
  await started.until(() => mirror(cluster) !== undefined, "a mirror");
  await started.until(() => cluster.pod(name, "kube-system").status?.phase === "Running", "its status");
});
