import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestCluster, type TestCluster } from "../../support/api-server/index.js";
import { within } from "../../support/waiting.js";
import { boundPod, clientNodeReleases, type StartedSource, startSource } from "./source-host.js";

const configMap = (name: string, data: Record<string, string>) => ({
  ...{ apiVersion: "v1", kind: "ConfigMap", data },
  metadata: { name, namespace: "default" },
});
const secret = (name: string) => ({
  ...{ apiVersion: "v1", kind: "Secret", data: { key: "dmFsdWU=" } },
  metadata: { name, namespace: "default" },
});

const spec = {
  containers: [{ name: "main", image: "busybox", envFrom: [{ secretRef: { name: "password" } }] }],
  volumes: [
    { name: "config", configMap: { name: "settings" } },
    {
      name: "more",
      projected: { sources: [{ configMap: { name: "settings" } }, { secret: { name: "password" } }] },
    },
  ],
};

async function prepared(started: StartedSource, name: string) {
  const { pod } = await started.given(name);
  let isPrepared = false;
  const preparing = started.source.prepare?.(pod, started.host.signal).then(() => {
    isPrepared = true;
  });
  await started.until(() => isPrepared, `${name} is prepared`);
  await within(30_000, Promise.resolve(preparing));
  return pod;
}

for (const release of clientNodeReleases)
  test(`each ConfigMap and Secret of Pods has one watch, as long as it is used (client-node ${release})`, async (t) => {
    const cluster = await startTestCluster(t, { nodeAuthorizer: true, mountTokens: false });
    cluster.create(configMap("settings", { a: "1" }));
    cluster.create(secret("password"));
    for (const name of ["one", "two"]) cluster.createPod(boundPod(name, spec));
    const started = await startSource(t, cluster, { release });
    const pods = [await prepared(started, "one"), await prepared(started, "two")];
    for (const pod of pods) {
      const inputs = started.source.inputs?.(pod);
      assert.deepEqual(
        inputs?.configMaps?.map(({ data }) => data),
        [{ a: "1" }],
      );
      assert.deepEqual(
        inputs?.secrets?.map(({ metadata }) => metadata?.name),
        ["password"],
      );
    }
    const lists = (resource: string) =>
      cluster.requests({ verb: "list", resource }).map(({ query }) => query.fieldSelector);
    assert.deepEqual(lists("configmaps"), ["metadata.name=settings"]);
    assert.deepEqual(lists("secrets"), ["metadata.name=password"]);
    const uids = pods.map(({ metadata }) => metadata?.uid);
    started.host.refreshed.length = 0;
    cluster.patch("configmaps", "default", "settings", { data: { a: "2" } });
    const data = () => pods[0] && started.source.inputs?.(pods[0]).configMaps?.[0]?.data?.a;
    await started.until(() => data() === "2", "the change");
    assert.deepEqual([...started.host.refreshed].sort(), [...uids].sort());
    for (const name of ["one", "two"]) cluster.delete("pods", "default", name, { gracePeriodSeconds: 0 });
    await started.until(() => started.host.pods?.length === 0, "no Pods");
    started.host.refreshed.length = 0;
    cluster.patch("configmaps", "default", "settings", { data: { a: "3" } });
    cluster.createPod(boundPod("three"));
    await started.given("three");
    assert.deepEqual(started.host.refreshed, [], "nobody watches it any more");
    assert.deepEqual(cluster.requests({ code: 403 }), []);
  });

test("missing objects do not hold up a Pod, and are seen when they come", async (t) => {
  const cluster = await startTestCluster(t, { nodeAuthorizer: true, mountTokens: false });
  cluster.createPod(boundPod("web", spec));
  const started = await startSource(t, cluster);
  const pod = await prepared(started, "web");
  assert.deepEqual(started.source.inputs?.(pod).configMaps, []);
  started.host.refreshed.length = 0;
  cluster.create(configMap("settings", { a: "1" }));
  await started.until(() => started.host.refreshed.includes(pod.metadata?.uid ?? ""), "a refresh");
  assert.equal(started.source.inputs?.(pod).configMaps?.length, 1);
});

test("a Pod waits 10 s for objects that cannot be read, and learns of them later", async (t) => {
  const cluster = await startTestCluster(t, { nodeAuthorizer: true, mountTokens: false });
  cluster.create(configMap("settings", { a: "1" }));
  cluster.create(secret("password"));
  cluster.createPod(boundPod("web", spec));
  const started = await startSource(t, cluster);
  const { pod } = await started.given("web");
  cluster.server.failNext(Number.POSITIVE_INFINITY, {
    code: 403,
    matches: ({ resource }) => resource === "secrets",
  });
  let failure: unknown;
  started.source.prepare?.(pod, started.host.signal).catch((error: unknown) => {
    failure = error;
  });
  await started.until(() => failure !== undefined, "a failure");
  assert.match(String(failure), /timed out waiting for secrets\/default\/password: .*403/);
  assert.equal(started.source.inputs?.(pod).configMaps?.length, 1);
  cluster.server.failNoMore();
  await started.until(() => started.source.inputs?.(pod).secrets?.length === 1, "the Secret");
  assert.ok(started.host.refreshed.includes(pod.metadata?.uid ?? ""));
});

test("prepare() ends when its signal fires", async (t) => {
  const cluster = await startTestCluster(t, { nodeAuthorizer: true, mountTokens: false });
  cluster.createPod(boundPod("web", spec));
  const started = await startSource(t, cluster);
  const { pod } = await started.given("web");
  cluster.server.cutOff({ how: "hang" });
  const controller = new AbortController();
  const preparing = started.source.prepare?.(
    { ...pod, metadata: { ...pod.metadata, namespace: "other" } },
    controller.signal,
  );
  controller.abort(new Error("stopped"));
  await assert.rejects(within(5_000, Promise.resolve(preparing)), /stopped/);
});

test("Services with an address and RuntimeClasses are inputs", async (t) => {
  const cluster = await startTestCluster(t, { nodeAuthorizer: true, mountTokens: false });
  const service = (name: string, clusterIP: string) =>
    cluster.create({
      ...{ apiVersion: "v1", kind: "Service", metadata: { name, namespace: "default" } },
      spec: { clusterIP, ports: [{ name: "http", port: 80, protocol: "TCP", targetPort: 8080 }] },
    });
  service("web", "10.96.0.10");
  service("headless", "None");
  cluster.create({
    apiVersion: "node.k8s.io/v1",
    kind: "RuntimeClass",
    metadata: { name: "vm" },
    handler: "kata",
  });
  cluster.createPod(boundPod("one", { runtimeClassName: "vm" }));
  const started = await startSource(t, cluster);
  const pod = await prepared(started, "one");
  const inputs = started.source.inputs?.(pod);
  assert.deepEqual(
    inputs?.services?.filter(({ name }) => name !== "kubernetes"),
    [
      {
        name: "web",
        namespace: "default",
        clusterIP: "10.96.0.10",
        ports: [{ name: "http", port: 80, protocol: "TCP" }],
      },
    ],
  );
  assert.deepEqual(inputs?.runtimeClasses, { vm: "kata" });
});

test("an API server that does not know the selector of Services is asked without it", async (t) => {
  const cluster = await startTestCluster(t, { nodeAuthorizer: true, mountTokens: false });
  const isSelected = ({ query }: { readonly query: Readonly<Record<string, string>> }) =>
    query.fieldSelector === "spec.clusterIP!=None";
  cluster.server.failNext(Number.POSITIVE_INFINITY, { code: 400, matches: isSelected });
  cluster.createPod(boundPod("one"));
  const started = await startSource(t, cluster);
  await prepared(started, "one");
  await started.until(
    () => cluster.requests({ verb: "watch", resource: "services" }).some((request) => !isSelected(request)),
    "a watch without the selector",
  );
});

const tokenSpec = {
  serviceAccountName: "robot",
  volumes: [
    {
      name: "token",
      projected: {
        sources: [{ serviceAccountToken: { path: "vault", audience: "vault", expirationSeconds: 1_000 } }],
      },
    },
  ],
};

const tokenRequests = (cluster: TestCluster) =>
  cluster.requests({ verb: "create", resource: "serviceaccounts/token" });

test("a token is bound to its Pod, and replaced after 80 % of its lifetime", async (t) => {
  const cluster = await startTestCluster(t, { nodeAuthorizer: true, mountTokens: false });
  cluster.create({
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name: "robot", namespace: "default" },
  });
  cluster.createPod(boundPod("web", tokenSpec));
  const started = await startSource(t, cluster);
  const pod = await prepared(started, "web");
  const token = () => started.source.inputs?.(pod).serviceAccountTokens?.["token/vault"];
  const first = token();
  assert.ok(first);
  const [request] = tokenRequests(cluster);
  assert.equal(request?.name, "robot");
  assert.deepEqual(request?.body && (request.body as { spec?: unknown }).spec, {
    audiences: ["vault"],
    expirationSeconds: 1_000,
    boundObjectRef: { apiVersion: "v1", kind: "Pod", name: "web", uid: pod.metadata?.uid },
  });
  started.host.refreshed.length = 0;
  const requestedMs = started.clock.now();
  cluster.server.failNext(2, { code: 500, matches: ({ resource }) => resource === "serviceaccounts/token" });
  await started.clock.until(() => token() !== first, { stepMs: 5_000 });
  const afterMs = started.clock.now() - requestedMs;
  assert.ok(afterMs >= 780_000 && afterMs <= 830_000, `replaced after ${afterMs} ms`);
  assert.deepEqual(new Set(started.host.refreshed), new Set([pod.metadata?.uid]));
  cluster.delete("pods", "default", "web", { gracePeriodSeconds: 0 });
  await started.until(() => started.host.pods?.length === 0, "gone");
  const count = tokenRequests(cluster).length;
  await started.clock.advance(2_000_000);
  assert.equal(tokenRequests(cluster).length, count, "no more tokens for a Pod that is gone");
});
