import type { Cri } from "../../cri.js";
import {
  type Clock,
  type Hooks,
  type LocalNodeFiles,
  lifecycleHooks,
  type NodeFacts,
  type PodChanges,
  type PodInputs,
  type PodWorkerParts,
  podImages,
  podPlanner,
  probeRunner,
  probesFactory,
  volumeFileReader,
} from "../../kubernetes/index.js";
import type { KubeletOptions } from "../options.js";
import type { ProbeCounts } from "../server/index.js";
import { customPlanner } from "./custom-planner.js";
import type { ManagedPod } from "./managed-pod.js";
import { policyImages } from "./policy-images.js";
import { sandboxOwner } from "./sandbox-owner.js";

/** What the workers of all pods of a kubelet have in common. */
export interface SharedWorkerParts {
  readonly cri: Cri;
  readonly files: LocalNodeFiles;
  readonly facts: () => NodeFacts;
  readonly changes: PodChanges;
  readonly clock: Clock;
  readonly options: KubeletOptions;
  readonly resizing: NonNullable<PodWorkerParts["resizing"]>;
  readonly cgroups: PodWorkerParts["cgroups"];
  readonly probeCounts: ProbeCounts;
  readonly networkProblem: NonNullable<PodWorkerParts["networkProblem"]>;
}

/** Returns a function that makes the parts of a worker, without its callbacks. */
export function workerPartsOf(
  shared: SharedWorkerParts,
): (pod: ManagedPod) => Omit<PodWorkerParts, "record" | "onStatus"> {
  const { cri, files, facts, changes, clock, options, resizing, cgroups, networkProblem, probeCounts } =
    shared;
  const runner = probeRunner(cri.runtime);
  const hooks: Hooks = lifecycleHooks({ runtime: cri.runtime, clock });
  // The facts of a node are replaced as a whole, and a planner checks them each time that it is made.
  let planned: { readonly facts: NodeFacts; readonly planner: PodWorkerParts["planner"] } | undefined;
  const planner = () => {
    const current = facts();
    if (planned?.facts !== current)
      planned = {
        facts: current,
        planner: customPlanner(podPlanner(current), sandboxOwner(current), options),
      };
    return planned.planner;
  };
  const { imageAuth: nodeAuth, maxParallelPulls, imagePolicy } = options;
  return (pod) => {
    const { namespace, name } = pod.pod.metadata;
    const probes = probesFactory(probeCounts.counted(runner, { namespace, pod: name, podUid: pod.uid }));
    const inputs = (): PodInputs => pod.source.inputs?.(pod.pod) ?? {};
    const readVolumeFile = (volumeName: string, path: string) =>
      volumeFileReader(pod.pod, facts(), files, inputs)(volumeName, path);
    const images = podImages(
      { image: cri.image, clock, secrets: () => inputs().secrets ?? [] },
      { nodeAuth, maxParallelPulls },
    );
    return {
      runtime: cri.runtime,
      images: policyImages(images, imagePolicy, () => pod.pod),
      planner: {
        pod: (...args) => planner().pod(...args),
        container: (...args) => planner().container(...args),
      },
      files,
      probes,
      hooks,
      changes,
      clock,
      inputs: () => ({ ...inputs(), readVolumeFile }),
      node: facts,
      resizing,
      cgroups,
      networkProblem,
    };
  };
}
