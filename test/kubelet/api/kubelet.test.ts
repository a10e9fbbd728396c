import assert from "node:assert/strict";
import { test } from "node:test";
import { apiServer } from "../../../src/kubelet/index.js";
import { startTestCluster, type TestCluster } from "../../support/api-server/index.js";
import { kubeletNode, ListSource, onePod } from "../../support/kubelets.js";
import { until } from "../../support/waiting.js";
import { boundPod, kubeConfigOf } from "./source-host.js";

const name = "node-1";
const retry = { firstMs: 20, maxMs: 200 };

async function sourceOf(cluster: TestCluster) {
  return apiServer({ kubeConfig: await kubeConfigOf(await cluster.nodeConfig(name)), retry });
}

const sleeper = (podName: string, spec = {}) => ({
  ...boundPod(podName, spec),
  spec: {
    ...boundPod(podName).spec,
    terminationGracePeriodSeconds: 1,
    containers: [{ name: "main", image: "busybox", command: ["run"] }],
    ...spec,
  },
});

test("Pods of an API server run, report their statuses, and are removed; a restarted kubelet adopts them", async (t) => {
  const cluster = await startTestCluster(t, { nodeAuthorizer: true, mountTokens: false });
  const node = await kubeletNode(t);
  cluster.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: "test" } });
  cluster.create({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "settings", namespace: "default" },
    data: { a: "1" },
  });
  const readinessProbe = { exec: { command: ["exit", "0"] }, periodSeconds: 1 };
  const main = { name: "main", image: "busybox", command: ["run"], readinessProbe };
  cluster.createPod(sleeper("a", { containers: [main] }));
  cluster.createPod(sleeper("b"));
  cluster.createPod(
    sleeper("job", {
      restartPolicy: "Never",
      containers: [
        {
          name: "main",
          image: "busybox",
          command: ["exit", "0"],
          envFrom: [{ configMapRef: { name: "settings" } }],
        },
      ],
    }),
  );
  const first = await node.start([await sourceOf(cluster), new ListSource("list", [onePod("static")])], {
    nodeName: name,
  });
  await cluster.untilPhase("a", "Running");
  await cluster.untilPhase("b", "Running");
  await cluster.untilPhase("job", "Succeeded");
  await cluster.untilPhase("static", "Running", "test");
  const started = cluster.pod("a").status?.containerStatuses?.[0]?.containerID;
  assert.ok(started);
  await until(
    () =>
      cluster
        .pod("a")
        .status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true,
    "Ready",
  );
  assert.ok(cluster.list("events").some((event) => (event as { reason?: unknown }).reason === "Started"));
  cluster.delete("pods", "default", "b");
  await cluster.untilGone("pods", "default", "b");
  await first.close();
  const reports = () => cluster.requests({ verb: "patch", resource: "pods/status", name: "a" }).length;
  const reportsOfFirst = reports();

  cluster.delete("pods", "default", "job");
  cluster.createPod(sleeper("c"));
  const second = await node.start([await sourceOf(cluster), new ListSource("list", [onePod("static")])], {
    nodeName: name,
  });
  await cluster.untilGone("pods", "default", "job");
  await cluster.untilPhase("c", "Running");
  cluster.server.cutOff();
  cluster.delete("pods", "default", "c", { gracePeriodSeconds: 0 });
  cluster.createPod(sleeper("d"));
  cluster.server.reconnect();
  await cluster.untilPhase("d", "Running");
  await second.waitFor(() => second.pod("default", "c") === undefined, { timeoutMs: 30_000 });
  assert.equal(cluster.pod("a").status?.containerStatuses?.[0]?.containerID, started);
  assert.equal(cluster.pod("a").status?.containerStatuses?.[0]?.restartCount, 0);
  assert.equal(reports(), reportsOfFirst, "nothing of the Pod has changed");
  for (const podName of ["a", "d"]) cluster.delete("pods", "default", podName);
  for (const podName of ["a", "d"]) await cluster.untilGone("pods", "default", podName);
  await second.stop();
  assert.deepEqual(cluster.requests({ code: 403 }), []);
  assert.deepEqual(cluster.requests({ code: 422 }), []);
});
