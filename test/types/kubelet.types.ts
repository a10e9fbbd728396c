/** A KubeConfig of both supported releases of @kubernetes/client-node is accepted, and so are their Pods. */
import type { KubeConfig, V1Pod } from "@kubernetes/client-node";
import type { KubeConfig as Version2Config, V1Pod as Version2Pod } from "client-node-2";
import type { Pod as TypesPod } from "kubernetes-types/core/v1.js";
import {
  apiServer,
  createKubelet,
  type Kubelet,
  type KubeletOptions,
  type PodSource,
  podList,
} from "../../src/kubelet.js";

declare const kubeConfig: KubeConfig;
declare const version2Config: Version2Config;
declare const pods: [V1Pod, Version2Pod, TypesPod];
declare const options: KubeletOptions;

export const sources: readonly PodSource[] = [
  apiServer({ kubeConfig }),
  apiServer({ kubeConfig: version2Config }),
  podList(pods),
];

export async function starts(): Promise<Kubelet> {
  // @ts-expect-error an option that does not exist
  await createKubelet({ ...options, node_name: "n1" });
  // @ts-expect-error a status is not a list of sources
  await createKubelet({ ...options, sources: podList() });
  // @ts-expect-error true has no port
  await createKubelet({ ...options, readOnlyPort: true });
  await using kubelet = await createKubelet({ ...options, server: false, readOnlyPort: { port: 0 } });
  // @ts-expect-error undefined without a status page
  const url: string = kubelet.statusUrl;
  return url === "" ? kubelet : await createKubelet(options);
}
