import { create } from "@bufbuild/protobuf";
import { type PodSandboxConfig, PodSandboxConfigSchema } from "../../../gen/runtime/v1/api_pb.js";
import type { NodeFacts } from "../../kubernetes/index.js";

/**
 * The annotation of a sandbox with the kubelet that started it. A kubelet finds its pods by it when their files are lost: a runtime may not
 * list a pod that runs, and list it again after its next restart.
 */
const ownerAnnotation = "cri-sdk/kubelet";

/** Returns the name by which a kubelet knows its sandboxes: two kubelets on one runtime differ in the node or in the folder. */
export function sandboxOwner({ nodeName, rootDir }: Pick<NodeFacts, "nodeName" | "rootDir">): string {
  return `${nodeName}:${rootDir}`;
}

/** Returns the config of a sandbox with its owner. */
export function withOwner(config: PodSandboxConfig, owner: string): PodSandboxConfig {
  const annotations = { ...config.annotations, [ownerAnnotation]: owner };
  return create(PodSandboxConfigSchema, { ...config, annotations });
}

/** Whether a kubelet has started a sandbox. */
export function isOwnedBy(
  owner: string,
  { annotations }: { readonly annotations: Readonly<Record<string, string>> },
): boolean {
  return annotations[ownerAnnotation] === owner;
}
