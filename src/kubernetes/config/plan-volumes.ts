import { unlessZero } from "../../pods/index.js";
import type { EmptyDirVolumeSource, Volume } from "../api/index.js";
import type { DefaultedPod } from "../defaults/index.js";
import { StartError } from "../start-error.js";
import { volumeFailure } from "../volume-failure.js";
import { pullPolicyOf } from "./image-name.js";
import { checkPlanInput } from "./input-checks.js";
import type { NodeFacts } from "./node-facts.js";
import type { PodInputs } from "./pod-inputs.js";
import { podMemoryLimit } from "./pod-resources.js";
import { type PodView, viewOf } from "./pod-view.js";
import { amountOf } from "./resources.js";
import { VolumeFiles } from "./volume-files.js";
import type { VolumePlan } from "./volume-plans.js";
import { volumeHostPath } from "./volume-sources.js";

/**
 * Returns what to prepare for the volumes of a Pod before its containers start, in the order of the Pod. Volumes of ConfigMaps, Secrets
 * and fields come with their files; call it again when the objects change.
 *
 * A pure function: it touches no files.
 *
 * @throws StartError with FailedMount for an object or key that is missing and not optional
 */
export function volumePlans(
  pod: DefaultedPod,
  node: NodeFacts,
  inputs: PodInputs = {},
): readonly VolumePlan[] {
  checkPlanInput("volumePlans", pod, node, inputs);
  return planVolumes(viewOf(pod), node, inputs);
}

/** Returns what {@link volumePlans} does. */
export function planVolumes(view: PodView, node: NodeFacts, inputs: PodInputs): readonly VolumePlan[] {
  const files = new VolumeFiles(view, node, inputs);
  const planOf = (volume: Volume, path: string): VolumePlan => {
    const { name, emptyDir, hostPath, image } = volume;
    const common = { name, hostPath: volumeHostPath(view, node, volume) };
    if (emptyDir)
      return { ...common, kind: "emptyDir", source: emptyDir, ...memorySize(emptyDir, view, node) };
    if (hostPath) return { ...common, kind: "hostPath", source: hostPath };
    if (image) return { ...common, kind: "image", ...imageOf(volume, path) };
    const written = files.of(volume, path);
    return written ? { ...common, kind: "files", ...written } : { ...common, kind: "plugin", volume };
  };
  return view.spec.volumes.map((volume, index) => {
    try {
      return planOf(volume, `spec.volumes[${index}]`);
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      throw error.with({ rawMessage: `${volumeFailure(volume.name)}: ${error.rawMessage}` });
    }
  });
}

function imageOf({ image = {} }: Volume, path: string) {
  const { reference = "", pullPolicy = "IfNotPresent" } = image;
  if (reference === "") throw new StartError("FailedMount", `${path}.image.reference: is required`);
  return { reference, pullPolicy: pullPolicyOf(pullPolicy, `${path}.image.pullPolicy`, "FailedMount") };
}

/** The size of a volume in memory: its own limit, but no more than the memory of the pod, or of all pods. */
function memorySize({ medium, sizeLimit }: EmptyDirVolumeSource, view: PodView, node: NodeFacts) {
  if (medium !== "Memory") return {};
  const own = unlessZero(amountOf(sizeLimit === undefined ? {} : { sizeLimit }, "sizeLimit"));
  const sizes = [own?.value(), podMemoryLimit(view.spec), amountOf(node.allocatable, "memory")?.value()];
  const limits = sizes.filter((size) => size !== undefined).filter((size) => size > 0n);
  if (limits.length === 0) return {};
  return { sizeLimitBytes: limits.reduce((least, size) => (size < least ? size : least)) };
}
