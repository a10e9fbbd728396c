import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { apiServer } from "../../../src/kubelet/index.js";
import { startTestCluster } from "../../support/api-server/index.js";
import { cleanup } from "../../support/cleanup.js";
import { tempFolder } from "../../support/temp.js";
import { VirtualClock } from "../../support/virtual-clock.js";
import { clientNodeReleases, kubeConfigOf, nodeName, TestHost } from "./source-host.js";

const access = {
  verb: "get",
  resource: "nodes",
  subresource: "metrics",
  name: nodeName,
  path: "/metrics",
} as const;

test("tokens are reviewed, and access is decided by the API server; a kubeconfig file will do", async (t) => {
  const rules = [{ subjects: ["scraper"], verbs: ["get"], resources: ["nodes/metrics"] }];
  const cluster = await startTestCluster(t, { nodeAuthorizer: true, rules });
  cluster.tokenConfig("scraper", ["monitoring"]);
  const kubeconfigFile = join(await tempFolder(t), "kubeconfig");
  await writeFile(kubeconfigFile, JSON.stringify(await cluster.nodeConfig(nodeName)));
  const source = apiServer({ kubeconfigFile });
  cleanup(t, () => source.close());
  const user = await source.authenticate("token-of-scraper");
  assert.equal(user?.name, "scraper");
  assert.ok(user?.groups?.includes("monitoring"));
  assert.equal(await source.authenticate("another"), undefined);
  assert.equal((await source.authorize(user, access)).allowed, true);
  assert.equal((await source.authorize(user, { ...access, subresource: "proxy" })).allowed, false);
  assert.equal((await source.authorize({ name: "other" }, access)).allowed, false);
  await source.close();
  await assert.rejects(async () => source.authenticate("token-of-scraper"), { reason: "client_closed" });
});

test("an API server that is away is an error with its reason", async (t) => {
  const cluster = await startTestCluster(t, { nodeAuthorizer: true });
  const kubeconfigFile = join(await tempFolder(t), "kubeconfig");
  await writeFile(kubeconfigFile, JSON.stringify(await cluster.nodeConfig(nodeName)));
  await cluster.server.stop();
  const source = apiServer({ kubeconfigFile });
  cleanup(t, () => source.close());
  await assert.rejects(source.authenticate("x"), { reason: "api_server_failed", code: "unavailable" });
});

const withoutTls = {
  clusters: [{ name: "c", cluster: { server: "http://127.0.0.1:1" } }],
  users: [{ name: "u", user: {} }],
  contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
  "current-context": "x",
};

test("an API server without TLS has to be permitted by its kubeconfig", async (t) => {
  const cluster = await startTestCluster(t, { https: false });
  const server = { name: "c", cluster: { server: cluster.server.url, "insecure-skip-tls-verify": true } };
  for (const release of clientNodeReleases) {
    const kubeConfig = await kubeConfigOf({ ...withoutTls, clusters: [server] }, release);
    const source = apiServer({ kubeConfig });
    cleanup(t, () => source.close());
    assert.equal(await source.authenticate("another"), undefined);
    const refused = apiServer({ kubeConfig: await kubeConfigOf(withoutTls, release) });
    cleanup(t, () => refused.close());
    await assert.rejects(refused.authenticate("another"), {
      reason: "invalid_option",
      message: /skip-tls-verify/,
    });
  }
});

test("wrong options and kubeconfig files are refused at the start", async (t) => {
  assert.throws(() => apiServer({ kubeconfig: "x" } as object), { reason: "invalid_option" });
  assert.throws(() => apiServer({ kubeConfig: {} as never }), {
    reason: "invalid_option",
    message: /must be a KubeConfig/,
  });
  const folder = await tempFolder(t);
  const host = new TestHost(new VirtualClock());
  for (const [name, text] of [
    ["missing", undefined],
    ["bad", "{ : }"],
    ["without-tls", JSON.stringify(withoutTls)],
  ] as const) {
    const kubeconfigFile = join(folder, name);
    if (text !== undefined) await writeFile(kubeconfigFile, text);
    const source = apiServer({ kubeconfigFile });
    cleanup(t, () => source.close());
    await assert.rejects(source.start(host), { reason: "invalid_file" });
  }
});
