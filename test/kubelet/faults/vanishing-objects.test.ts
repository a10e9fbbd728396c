// Secrets that vanish: what runs goes on, volumes keep their content, and new containers wait.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { apiServer } from "../../../src/kubelet/index.js";
import { startTestCluster } from "../../support/api-server/index.js";
import { busybox } from "../../support/embedded.js";
import { kubeletNode } from "../../support/kubelets.js";
import { until } from "../../support/waiting.js";
import { kubeConfigOf, nodeName } from "../api/source-host.js";

const secret = {
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "password", namespace: "default" },
  data: { key: Buffer.from("first").toString("base64") },
};

function podOf(name: string, spec: object) {
  return {
    metadata: { name, namespace: "default" },
    spec: {
      nodeName,
      terminationGracePeriodSeconds: 1,
      containers: [{ name: "main", image: busybox, command: ["run"], ...spec }],
    },
  };
}

const env = { env: [{ name: "KEY", valueFrom: { secretKeyRef: { name: "password", key: "key" } } }] };
const mount = { volumeMounts: [{ name: "v", mountPath: "/v" }] };
const volumes = [{ name: "v", secret: { secretName: "password" } }];

test("a Secret that vanishes: pods run on, new containers have CreateContainerConfigError, volumes FailedMount", async (t) => {
  const cluster = await startTestCluster(t, { nodeAuthorizer: true, mountTokens: false });
  cluster.create(secret);
  const node = await kubeletNode(t);
  cluster.createPod(podOf("env", env));
  const mounted = podOf("mounted", mount);
  cluster.createPod({ ...mounted, spec: { ...mounted.spec, volumes } });
  const kubeConfig = await kubeConfigOf(await cluster.nodeConfig(nodeName));
  const kubelet = await node.start([apiServer({ kubeConfig, retry: { firstMs: 20, maxMs: 200 } })], {
    nodeName,
  });
  for (const name of ["env", "mounted"]) await cluster.untilPhase(name, "Running");
  const ids = () =>
    ["env", "mounted"].map((name) => cluster.pod(name).status.containerStatuses?.[0]?.containerID);
  const before = ids();
  const file = join(
    node.rootDir,
    "pods",
    cluster.pod("mounted").metadata?.uid ?? "",
    "volumes/kubernetes.io~secret/v/key",
  );
  assert.equal(await readFile(file, "utf8"), "first");

  cluster.delete("secrets", "default", "password");
  cluster.createPod(podOf("new-env", env));
  const other = podOf("new-mounted", mount);
  cluster.createPod({ ...other, spec: { ...other.spec, volumes } });
  const waiting = (name: string) => cluster.pod(name).status.containerStatuses?.[0]?.state?.waiting;
  await until(
    () => waiting("new-env")?.reason === "CreateContainerConfigError",
    "CreateContainerConfigError",
  );
  assert.equal(waiting("new-env")?.message, 'secret "password" not found');
  const events = (name: string) =>
    kubelet
      .events()
      .filter(({ object }) => object.name === name)
      .map(({ type, reason, message }) => `${type} ${reason}: ${message}`);
  await until(
    () => events("new-env").includes('Warning Failed: Error: secret "password" not found'),
    "an event",
  );
  const failure =
    'Warning FailedMount: MountVolume.SetUp failed for volume "v" : secret "password" not found';
  await until(() => events("new-mounted").includes(failure), failure, 15_000).catch(() =>
    assert.deepEqual(events("new-mounted"), [failure]),
  );
  assert.equal(waiting("new-mounted")?.reason, "ContainerCreating");
  assert.equal(cluster.pod("new-mounted").status.phase, "Pending");
  assert.equal(await readFile(file, "utf8"), "first");
  assert.deepEqual(ids(), before);

  cluster.create({ ...secret, data: { key: Buffer.from("second").toString("base64") } });
  for (const name of ["new-env", "new-mounted"]) await cluster.untilPhase(name, "Running");
  await until(async () => (await readFile(file, "utf8")) === "second", "the new content");
  assert.deepEqual(ids(), before);
  await kubelet.stop();
});
