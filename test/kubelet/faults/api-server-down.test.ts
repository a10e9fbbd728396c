// An API server that is down when the kubelet starts: its pods run on, static Pods start, and the Node is registered afterwards.
import assert from "node:assert/strict";
import { test } from "node:test";
import { apiServer } from "../../../src/kubelet/index.js";
import { startTestCluster } from "../../support/api-server/index.js";
import { kubeletNode, ListSource, onePod, untilPhase } from "../../support/kubelets.js";
import { boundPod, kubeConfigOf, nodeName } from "../api/source-host.js";

for (const how of ["reset", "hang"] as const)
  test(`the API server is down at the start (${how}): nothing is stopped, and all goes on when it is back`, async (t) => {
    const cluster = await startTestCluster(t, { nodeAuthorizer: true, mountTokens: false });
    cluster.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: "test" } });
    const node = await kubeletNode(t);
    const { spec } = boundPod("web");
    const containers = [{ name: "main", image: "busybox", command: ["run"] }];
    const web = { ...boundPod("web"), spec: { ...spec, containers, terminationGracePeriodSeconds: 1 } };
    cluster.createPod(web);
    const source = async () =>
      apiServer({
        kubeConfig: await kubeConfigOf(await cluster.nodeConfig(nodeName)),
        retry: { firstMs: 20, maxMs: 200 },
        requestTimeoutMs: 2_000,
      });
    const first = await node.start([await source()], { nodeName });
    await cluster.untilPhase("web", "Running");
    const id = cluster.pod("web").status.containerStatuses?.[0]?.containerID;
    await first.close();

    const second = await source();
    cluster.server.cutOff({ how });
    const kubelet = await node.start([second, new ListSource("list", [onePod("static")])], { nodeName });
    await untilPhase(kubelet, "Running", "static");
    await kubelet.waitUntilReady({ timeoutMs: 30_000 });
    assert.equal(node.runtime.calls.of("stopContainer").length, 0);
    cluster.delete("nodes", "", nodeName);
    cluster.server.reconnect();
    await cluster.until("nodes", "", nodeName, (found) => found !== undefined);
    await cluster.untilPhase("static", "Running", "test");
    await kubelet.waitFor(() => kubelet.pod("default", "web")?.status.phase === "Running", {
      timeoutMs: 30_000,
    });
    const status = cluster.pod("web").status.containerStatuses?.[0];
    assert.equal(status?.containerID, id);
    assert.equal(status?.restartCount, 0);
    await kubelet.stop();
  });
