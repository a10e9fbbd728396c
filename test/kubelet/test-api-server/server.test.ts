// Life and faults of the tests' API server, seen by the informers of @kubernetes/client-node.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import {
  CoordinationV1Api,
  CoreV1Api,
  KubeConfig,
  ListWatch,
  type V1Pod,
  Watch,
} from "@kubernetes/client-node";
import {
  startReplicas,
  startScheduler,
  startTestCluster,
  type TestCluster,
} from "../../support/api-server/index.js";
import { cleanup } from "../../support/cleanup.js";
import { until, within } from "../../support/waiting.js";

const container = { name: "main", image: "busybox" };

async function config(cluster: TestCluster): Promise<KubeConfig> {
  const loaded = new KubeConfig();
  loaded.loadFromString(JSON.stringify(await cluster.adminConfig()));
  return loaded;
}

/** Starts an informer of the Pods of a node, which is started again after errors. Returns the names that it holds. */
async function podsOfNode(
  t: TestContext,
  cluster: TestCluster,
): Promise<{ names(): string[]; errors: unknown[] }> {
  const loaded = await config(cluster);
  const api = loaded.makeApiClient(CoreV1Api);
  const fieldSelector = "spec.nodeName=n";
  const list = () => api.listPodForAllNamespaces({ fieldSelector });
  const informer = new ListWatch<V1Pod>(
    "/api/v1/pods",
    new Watch(loaded),
    list,
    false,
    undefined,
    fieldSelector,
  );
  const errors: unknown[] = [];
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  const begin = (): void => void informer.start().catch(retry);
  const retry = (error: unknown): void => {
    errors.push(error);
    // Stopping is an error, too: the watch was aborted.
    if (!isStopped) timer = setTimeout(begin, 20);
  };
  informer.on("error", retry);
  begin();
  cleanup(t, async () => {
    isStopped = true;
    clearTimeout(timer);
    await informer.stop();
  });
  return {
    errors,
    names: () =>
      informer
        .list()
        .map((pod) => pod.metadata?.name ?? "")
        .sort(),
  };
}

function create(cluster: TestCluster, ...names: string[]): void {
  for (const name of names) {
    cluster.createPod({ metadata: { name }, spec: { containers: [container] } });
    cluster.bind(name, "n");
  }
}

async function expectNames(pods: { names(): string[] }, ...expected: string[]): Promise<void> {
  await until(
    () => pods.names().join() === expected.join(),
    `${expected.join()} instead of ${pods.names().join()}`,
    20_000,
  );
}

test("an informer follows creations, bindings and deletions", async (t) => {
  const cluster = await startTestCluster(t);
  create(cluster, "a");
  cluster.createPod({ metadata: { name: "unbound" }, spec: { containers: [container] } });
  const pods = await podsOfNode(t, cluster);
  await expectNames(pods, "a");
  cluster.bind("unbound", "n");
  await expectNames(pods, "a", "unbound");
  cluster.delete("pods", "default", "a", { gracePeriodSeconds: 0 });
  await expectNames(pods, "unbound");
});

test("an informer catches up after a cut, a restart, ended watches and a compaction", async (t) => {
  const cluster = await startTestCluster(t);
  const { server } = cluster;
  create(cluster, "a");
  const pods = await podsOfNode(t, cluster);
  await expectNames(pods, "a");
  server.cutOff();
  create(cluster, "b");
  server.reconnect();
  await expectNames(pods, "a", "b");
  create(cluster, "c");
  await expectNames(pods, "a", "b", "c");
  await server.stop();
  create(cluster, "d");
  server.compact();
  await server.start();
  await expectNames(pods, "a", "b", "c", "d");
  server.endWatches();
  create(cluster, "e");
  await expectNames(pods, "a", "b", "c", "d", "e");
  await server.restart();
  cluster.delete("pods", "default", "a", { gracePeriodSeconds: 0 });
  await expectNames(pods, "b", "c", "d", "e");
});

test("a server that hangs answers nothing until it is back", async (t) => {
  const cluster = await startTestCluster(t);
  const api = (await config(cluster)).makeApiClient(CoreV1Api);
  cluster.server.cutOff({ how: "hang", ms: 300 });
  const started = performance.now();
  await assert.rejects(within(20_000, api.listNode()));
  assert.ok(performance.now() - started >= 250, "it failed before the cut ended");
  assert.deepEqual((await api.listNode()).items, []);
});

test("requests fail as often as wanted, before or after they are carried out", async (t) => {
  const cluster = await startTestCluster(t);
  const api = (await config(cluster)).makeApiClient(CoreV1Api);
  const body = { metadata: { name: "a" }, spec: { containers: [container] } };
  const create = () => api.createNamespacedPod({ namespace: "default", body });
  cluster.server.failNext(1, { code: 503, matches: ({ verb }) => verb === "create" });
  await api.listNode();
  await assert.rejects(create(), { code: 503 });
  assert.equal(cluster.find("pods", "default", "a"), undefined);
  cluster.server.failNext(1, { code: 500, afterwards: true });
  await assert.rejects(create(), { code: 500 });
  assert.ok(cluster.find("pods", "default", "a"));
  await assert.rejects(create(), { code: 409 });
  const codes = cluster.requests({ verb: "create", resource: "pods" }).map(({ code }) => code);
  assert.deepEqual(codes, [503, 500, 409]);
});

test("requests wait for the delay", async (t) => {
  const cluster = await startTestCluster(t);
  const api = (await config(cluster)).makeApiClient(CoreV1Api);
  await api.listNode();
  cluster.server.delayMs = 200;
  const started = performance.now();
  await api.listNode();
  assert.ok(performance.now() - started >= 190);
});

test("a lease is renewed with microseconds as they were sent", async (t) => {
  const cluster = await startTestCluster(t);
  const api = (await config(cluster)).makeApiClient(CoordinationV1Api);
  const namespace = "kube-node-lease";
  const body = { metadata: { name: "n" }, spec: { holderIdentity: "n", leaseDurationSeconds: 40 } };
  const created = await api.createNamespacedLease({ namespace, body });
  const renewed = await api.replaceNamespacedLease({
    namespace,
    name: "n",
    body: { ...created, spec: { ...created.spec, leaseDurationSeconds: 41 } },
  });
  assert.equal(renewed.spec?.leaseDurationSeconds, 41);
  assert.notEqual(renewed.metadata?.resourceVersion, created.metadata?.resourceVersion);
});

test("a scheduler binds pods to a ready node; replicas are created, replaced and reduced", async (t) => {
  const cluster = await startTestCluster(t, { https: false });
  const scheduler = startScheduler(cluster);
  cleanup(t, () => scheduler.stop());
  const replicas = startReplicas(cluster, "web", 3, { containers: [container] });
  cleanup(t, () => replicas.stop());
  // A kubelet in two lines: what runs is ready, and what is deleted vanishes.
  const stop = cluster.server.store.subscribe(({ resource, object, type }) => {
    const { name, deletionTimestamp, deletionGracePeriodSeconds } = object.metadata;
    if (resource !== "pods" || type === "DELETED") return;
    const pod = cluster.find("pods", "default", name);
    if (pod && deletionTimestamp && deletionGracePeriodSeconds !== 0)
      cluster.delete("pods", "default", name, { gracePeriodSeconds: 0 });
    else if (pod && !deletionTimestamp && cluster.pod(name).spec?.nodeName) {
      const status = { phase: "Running", conditions: [{ type: "Ready", status: "True" }] };
      cluster.patch("pods", "default", name, { status }, { subresource: "status" });
    }
  });
  cleanup(t, stop);
  assert.equal(replicas.pods().length, 3);
  cluster.create({ apiVersion: "v1", kind: "Node", metadata: { name: "n" } });
  cluster.patch(
    "nodes",
    "",
    "n",
    { status: { conditions: [{ type: "Ready", status: "True" }] } },
    { subresource: "status" },
  );
  assert.equal(replicas.isDone(), false, "the node is tainted");
  cluster.patch("nodes", "", "n", { spec: { taints: null } });
  await until(() => replicas.isDone(), "three pods", 10_000);
  const before = replicas.pods().map(({ metadata }) => metadata.name);
  replicas.update({ template: { containers: [{ ...container, image: "busybox:2" }] } });
  await until(() => replicas.isDone(), "three new pods", 10_000);
  const after = replicas.pods().map(({ metadata }) => metadata.name);
  assert.ok(after.every((name) => !before.includes(name)));
  cluster.delete("pods", "default", after[0] ?? "");
  await until(
    () => replicas.isDone() && replicas.pods().every(({ metadata }) => metadata.name !== after[0]),
    "a new pod",
    10_000,
  );
  replicas.update({ count: 1 });
  await until(() => replicas.isDone(), "one pod", 10_000);
});

test("nothing listens after it was disposed", async (t) => {
  const cluster = await startTestCluster(t, { https: false });
  const { url } = cluster.server;
  await fetch(`${url}/healthz`);
  await cluster.server[Symbol.asyncDispose]();
  await assert.rejects(fetch(`${url}/healthz`));
  await cluster.server.start();
  const response = await fetch(`${url}/healthz`);
  assert.equal(await response.text(), "ok");
});
