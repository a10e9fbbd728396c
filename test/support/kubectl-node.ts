import type { TestContext } from "node:test";
import { KubeConfig } from "@kubernetes/client-node";
import type { Cri } from "../../src/index.js";
import { apiServer, createKubelet, type Kubelet, type KubeletOptions } from "../../src/kubelet/index.js";
import { startNodeTaints, startScheduler, startTestCluster, type TestCluster } from "./api-server/index.js";
import { cleanup } from "./cleanup.js";
import { type Kubectl, openKubectl } from "./kubectl.js";
import { tempFolder } from "./temp.js";
import { within } from "./waiting.js";

/** A cluster of one node, and kubectl. */
export interface KubectlNode {
  readonly cluster: TestCluster;
  readonly kubelet: Kubelet;
  readonly kubectl: Kubectl;
  readonly nodeName: string;
  readonly webSockets: boolean;
}

/** What such a cluster is made of. */
export interface KubectlNodeOptions {
  readonly cri: Cri;
  /** The path of kubectl. */
  readonly kubectl: string;
  /** Whether kubectl opens WebSockets, which the API server passes to the kubelet; otherwise SPDY. */
  readonly webSockets: boolean;
  readonly rootDir: string;
  readonly kubelet?: Partial<KubeletOptions>;
}

/** Starts an API server with a scheduler, and a kubelet as its node. All of it stops with the test, and nothing of the pods is left. */
export async function startKubectlNode(t: TestContext, options: KubectlNodeOptions): Promise<KubectlNode> {
  const nodeName = "node-1";
  const folder = await tempFolder(t);
  const cluster = await startTestCluster(t, { nodeAuthorizer: true });
  const controllers = [startNodeTaints(cluster), startScheduler(cluster)];
  cleanup(t, () => {
    for (const controller of controllers) controller.stop();
  });
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromString(JSON.stringify(await cluster.nodeConfig(nodeName)));
  const source = apiServer({ kubeConfig });
  const kubelet = await within(
    60_000,
    createKubelet({
      cri: options.cri,
      nodeName,
      sources: [source],
      rootDir: options.rootDir,
      // An API server never dials loopback unless the node says so.
      nodeAddresses: [
        { type: "InternalIP", address: "127.0.0.1" },
        { type: "Hostname", address: nodeName },
      ],
      // The disk of the machine may be full, and images are those of other tests.
      eviction: false,
      imageGarbageCollection: false,
      server: {
        host: "127.0.0.1",
        port: 0,
        clientCa: cluster.server.ca.cert,
        authenticate: source.authenticate,
        authorize: source.authorize,
      },
      ...options.kubelet,
    }),
    "createKubelet()",
  );
  cleanup(t, () => within(120_000, kubelet.stop({ gracePeriodSeconds: 1 }), "kubelet.stop()"));
  const kubectl = await openKubectl({
    kubectl: options.kubectl,
    folder,
    kubeconfig: await cluster.adminConfig(),
    webSockets: options.webSockets,
  });
  cleanup(t, () => kubectl.stop());
  return { cluster, kubelet, kubectl, nodeName, webSockets: options.webSockets };
}
