import type { NodeFacts } from "../config/node-facts.js";
import { volumePlans } from "../config/plan-volumes.js";
import type { PodInputs } from "../config/pod-inputs.js";
import type { DefaultedPod } from "../defaults/index.js";
import type { LocalNodeFiles } from "../node/local-node-files.js";

/** Returns `PodInputs.readVolumeFile` of a pod: it reads the files that init containers wrote to the pod's volumes on this node. */
export function volumeFileReader(
  pod: DefaultedPod,
  node: NodeFacts,
  files: Pick<LocalNodeFiles, "readVolumeFile">,
  inputs: () => PodInputs,
): NonNullable<PodInputs["readVolumeFile"]> {
  return (volumeName, path) => {
    const volume = volumePlans(pod, node, inputs()).find(({ name }) => name === volumeName);
    // An image has no path on the node.
    return volume?.hostPath ? files.readVolumeFile(volume, path) : undefined;
  };
}
