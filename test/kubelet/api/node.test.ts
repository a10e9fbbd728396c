import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestCluster, type TestCluster } from "../../support/api-server/index.js";
import { until } from "../../support/waiting.js";
import { clientNodeReleases, nodeName, readyNode, startSource } from "./source-host.js";

const start = new Date("2026-01-01T00:00:00Z");
const later = (seconds: number) => new Date(start.getTime() + seconds * 1_000);
const isRegistered = (cluster: TestCluster) => cluster.find("nodes", "", nodeName) !== undefined;
const statusPatches = (cluster: TestCluster) => cluster.requests({ verb: "patch", resource: "nodes/status" });

for (const release of clientNodeReleases)
  test(`the Node is registered with labels, taints and status (client-node ${release})`, async (t) => {
    const cluster = await startTestCluster(t, { nodeAuthorizer: true });
    const { host, until: advancing } = await startSource(t, cluster, {
      release,
      prepareHost: (host) => {
        host.current = {
          ...host.current,
          spec: { taints: [{ key: "dedicated", value: "a", effect: "NoSchedule" }] },
        };
      },
    });
    await advancing(() => statusPatches(cluster).some(({ code }) => code === 200), "a status report");
    const { metadata, spec, status } = cluster.node(nodeName);
    assert.equal(metadata?.labels?.tier, "edge");
    assert.equal(metadata?.annotations?.a, "b");
    assert.equal(spec?.taints?.[0]?.key, "dedicated");
    assert.equal(status?.allocatable?.pods, "110");
    assert.deepEqual(
      status?.conditions?.map(({ type, status }) => [type, status]),
      [["Ready", "True"]],
    );
    assert.equal(status?.conditions?.[0]?.lastTransitionTime, "2026-01-01T00:00:00Z");
    const [patch] = statusPatches(cluster);
    assert.equal(patch?.contentType, "application/strategic-merge-patch+json");
    await until(() => host.nodes.length > 0, "the host knows the Node");
    assert.equal(host.nodes.at(-1)?.metadata?.uid, cluster.find("nodes", "", nodeName)?.metadata.uid);
    assert.deepEqual(cluster.requests({ code: 403 }), []);
  });

test("the status is sent when it has changed, and else every five minutes", async (t) => {
  const cluster = await startTestCluster(t, { nodeAuthorizer: true });
  const { source, clock, until: advancing } = await startSource(t, cluster);
  await advancing(() => statusPatches(cluster).length === 1, "the first report");
  for (let seconds = 10; seconds < 290; seconds += 10) {
    await clock.advance(10_000);
    source.onNode?.(readyNode(start, { lastHeartbeatTime: later(seconds) }));
  }
  await clock.until(() => clock.now() - start.getTime() >= 290_000);
  assert.equal(statusPatches(cluster).length, 1, "heartbeats alone are no change");
  await clock.advance(15_000);
  source.onNode?.(readyNode(start, { lastHeartbeatTime: later(305) }));
  await until(() => statusPatches(cluster).length === 2, "a report after five minutes");
  await until(
    () => cluster.node(nodeName).status?.conditions?.[0]?.lastHeartbeatTime === "2026-01-01T00:05:05Z",
    "the heartbeat has arrived",
  );
  source.onNode?.(readyNode(later(306), { status: "False", reason: "KubeletNotReady" }));
  await until(() => cluster.node(nodeName).status?.conditions?.[0]?.status === "False", "a change arrives");
  assert.equal(cluster.node(nodeName).status?.conditions?.[0]?.lastTransitionTime, "2026-01-01T00:05:06Z");
});

test("conditions of others stay, and conditions that the node controller has set to Unknown are restored", async (t) => {
  const cluster = await startTestCluster(t, { nodeAuthorizer: true });
  const { until: advancing } = await startSource(t, cluster);
  await advancing(() => statusPatches(cluster).length === 1, "the first report");
  const network = { type: "NetworkUnavailable", status: "False", reason: "RouteCreated", message: "" };
  const unknown = { type: "Ready", status: "Unknown", reason: "NodeStatusUnknown", message: "no news" };
  cluster.patch(
    "nodes",
    "",
    nodeName,
    { status: { conditions: [unknown, network] } },
    { subresource: "status" },
  );
  const conditions = () => cluster.node(nodeName).status?.conditions ?? [];
  await advancing(() => conditions().some(({ status }) => status === "True"), "Ready again");
  assert.deepEqual(
    new Map(conditions().map(({ type, status }) => [type, status])),
    new Map([
      ["Ready", "True"],
      ["NetworkUnavailable", "False"],
    ]),
  );
});

test("an existing Node gets our labels; its uid, its taints, other labels and transition times stay", async (t) => {
  const cluster = await startTestCluster(t, { nodeAuthorizer: true });
  const created = cluster.create({
    ...{ apiVersion: "v1", kind: "Node" },
    metadata: { name: nodeName, labels: { tier: "old", other: "x" } },
    spec: { taints: [{ key: "by-admin", effect: "NoSchedule" }] },
    status: {
      conditions: [
        { type: "Ready", status: "True", reason: "KubeletReady", lastTransitionTime: "2025-12-01T00:00:00Z" },
      ],
    },
  });
  const { taints } = cluster.node(nodeName).spec ?? {};
  const { host, until: advancing } = await startSource(t, cluster);
  await advancing(() => statusPatches(cluster).some(({ code }) => code === 200), "a status report");
  const { metadata, spec, status } = cluster.node(nodeName);
  assert.equal(taints?.[0]?.key, "by-admin");
  assert.equal(metadata?.uid, created.metadata.uid);
  assert.deepEqual(metadata?.labels, { tier: "edge", other: "x", "kubernetes.io/hostname": nodeName });
  // The API server adds not-ready to each new Node.
  assert.deepEqual(spec?.taints, taints);
  assert.equal(status?.conditions?.[0]?.lastTransitionTime, "2025-12-01T00:00:00Z");
  assert.equal(host.nodes.at(-1)?.metadata?.labels?.other, "x");
});

test("a Node that an administrator has deleted is registered again, without what others had set", async (t) => {
  const cluster = await startTestCluster(t, { nodeAuthorizer: true });
  const { host, until: advancing } = await startSource(t, cluster);
  await advancing(() => statusPatches(cluster).length > 0, "the first report");
  const uid = () => cluster.find("nodes", "", nodeName)?.metadata.uid;
  const before = uid();
  cluster.patch("nodes", "", nodeName, {
    metadata: { labels: { other: "x" } },
    spec: { unschedulable: true },
  });
  await advancing(() => host.nodes.some(({ spec }) => spec?.unschedulable === true), "the change is known");
  cluster.delete("nodes", "", nodeName);
  await advancing(() => uid() !== undefined && uid() !== before, "registered again");
  await advancing(() => host.nodes.at(-1)?.metadata?.uid === uid(), "the host knows the new one");
  assert.equal(cluster.node(nodeName).metadata?.labels?.other, undefined);
  assert.equal(cluster.node(nodeName).spec?.unschedulable, undefined);
  await advancing(
    () => cluster.node(nodeName).status?.conditions?.[0]?.status === "True",
    "the new Node has a status",
  );
});

test("registration is retried while there is no API server, and while it refuses", async (t) => {
  const cluster = await startTestCluster(t, { nodeAuthorizer: true });
  await cluster.server.stop();
  const { host, clock, until: advancing } = await startSource(t, cluster);
  await clock.until(() => host.events.some(({ reason }) => reason === "FailedNodeStatusUpdate"));
  assert.equal(host.pods, undefined, "no Pods are given before they were read");
  await cluster.server.start();
  cluster.server.failNext(3, {
    code: 503,
    matches: ({ resource, verb }) => resource === "nodes" && verb === "create",
  });
  await advancing(() => isRegistered(cluster), "registered");
  await advancing(() => host.pods !== undefined, "Pods were read");
});

test("without registerNode, an existing Node is used", async (t) => {
  const cluster = await startTestCluster(t, { nodeAuthorizer: true });
  const { clock, until: advancing } = await startSource(t, cluster, { registerNode: false });
  await clock.until(() => cluster.requests({ verb: "get", resource: "nodes" }).length > 1);
  assert.equal(isRegistered(cluster), false);
  cluster.create({ apiVersion: "v1", kind: "Node", metadata: { name: nodeName } });
  await advancing(() => statusPatches(cluster).some(({ code }) => code === 200), "a status report");
  assert.deepEqual(cluster.requests({ verb: "create", resource: "nodes" }), []);
});

test("the Lease is created with the Node as its owner, renewed every 10 s, and created again", async (t) => {
  const cluster = await startTestCluster(t, { nodeAuthorizer: true });
  const { clock, until: advancing } = await startSource(t, cluster);
  const lease = () =>
    cluster.find("leases", "kube-node-lease", nodeName) as unknown as StoredLease | undefined;
  const nodeUid = () => cluster.find("nodes", "", nodeName)?.metadata.uid;
  await advancing(() => lease() !== undefined, "a Lease");
  await clock.advance(11_000);
  await advancing(() => lease()?.metadata.ownerReferences?.[0]?.uid === nodeUid(), "the Node owns it");
  assert.equal(lease()?.spec.holderIdentity, nodeName);
  assert.equal(lease()?.spec.leaseDurationSeconds, 40);
  assert.match(lease()?.spec.renewTime ?? "", /^2026-01-01T00:00:\d\d\.\d{6}Z$/);
  const renewals = cluster.requests({ verb: "update", resource: "leases" }).length;
  for (let step = 0; step < 6; step++) {
    const before = lease()?.spec.renewTime;
    await clock.advance(10_500);
    await until(() => lease()?.spec.renewTime !== before, "renewed");
  }
  assert.equal(cluster.requests({ verb: "update", resource: "leases" }).length, renewals + 6);
  assert.equal(cluster.requests({ verb: "get", resource: "leases" }).length, 1, "no get before each renewal");
  // Another writer, then an administrator.
  cluster.patch("leases", "kube-node-lease", nodeName, { metadata: { labels: { a: "b" } } });
  await clock.advance(10_500);
  await advancing(
    () => cluster.requests({ verb: "update", resource: "leases", code: 409 }).length === 1,
    "a conflict",
  );
  await advancing(
    () => Date.parse(lease()?.spec.renewTime ?? "") > clock.now() - 10_000,
    "renewed in spite of it",
  );
  cluster.delete("leases", "kube-node-lease", nodeName);
  await clock.advance(10_500);
  await advancing(() => lease() !== undefined, "created again");
});

interface StoredLease {
  readonly metadata: { readonly ownerReferences?: readonly { readonly uid: string }[] };
  readonly spec: {
    readonly holderIdentity: string;
    readonly leaseDurationSeconds: number;
    readonly renewTime: string;
  };
}
