import type { LinuxContainerResources } from "../../../gen/runtime/v1/api_pb.js";
import { isCriError } from "../../core/index.js";
import type { ResourceRequirements } from "../api/index.js";
import type { PodInputs } from "../config/pod-inputs.js";
import { podCgroupLimit } from "../config/pod-resources.js";
import { amountOf } from "../config/resources.js";
import type { DefaultedPod } from "../defaults/index.js";
import type { PodResizing, PodWorkerParts } from "./ports.js";
import { type ContainerResize, resizableResources } from "./resize.js";

/** The dependencies of resizes. */
export interface ResizeParts extends Pick<PodWorkerParts, "runtime" | "planner" | "cgroups"> {
  readonly resizing: PodResizing;
  readonly sandboxId: string | undefined;
  readonly inputs: PodInputs;
}

/**
 * Changes the resources of running containers, in the kubelet's order: memory, then CPU; the cgroup of the pod grows before its containers do,
 * and shrinks after them. What was changed is kept at once. Rejects at the first failure: the next sync does the rest.
 *
 * @param resizes in the order of `PodActions.resize`
 */
export async function applyResizes(
  pod: DefaultedPod,
  resizes: readonly ContainerResize[],
  parts: ResizeParts,
  signal: AbortSignal,
): Promise<void> {
  const { runtime, cgroups, resizing } = parts;
  await checkMemory(pod, resizes, parts, signal);
  for (const resource of resizableResources) {
    await cgroups?.raise(pod, resource);
    for (const { id, name, resources } of resizes.filter((it) => it.resource === resource)) {
      signal.throwIfAborted();
      const linux = linuxResources(withResources(pod, name, resources), name, parts);
      await runtime.updateContainerResources({ containerId: id, linux });
      await resizing.setActuated(pod.metadata.uid, name, resources);
    }
    await cgroups?.set(pod, resource);
  }
  await notifySandbox(pod, parts);
}

/** Reports the resources of the pod to the runtime, for its plug-ins. Many runtimes do not have this call, and nothing depends on it. */
async function notifySandbox(
  pod: DefaultedPod,
  { runtime, planner, inputs, sandboxId: podSandboxId }: ResizeParts,
): Promise<void> {
  if (podSandboxId === undefined) return;
  try {
    const { resources, overhead } = planner.pod(pod, inputs).sandbox.linux ?? {};
    if (resources)
      await runtime.updatePodSandboxResources({ podSandboxId, resources, ...(overhead && { overhead }) });
  } catch (error) {
    if (isCriError(error) && error.reason === "client_closed") throw error;
  }
}

/** Rejects when a limit of memory would be lower than what is used: the kernel would kill the processes. */
async function checkMemory(
  pod: DefaultedPod,
  resizes: readonly ContainerResize[],
  { resizing, cgroups }: ResizeParts,
  signal: AbortSignal,
): Promise<void> {
  const errors: string[] = [];
  const limit = podCgroupLimit(pod.spec, "memory")?.value();
  const current = await cgroups?.memory(pod);
  if (current && limit !== undefined) {
    const isDecrease = current.limitBytes === undefined || limit < current.limitBytes;
    if (isDecrease && current.usageBytes > limit)
      errors.push(
        `attempting to set pod memory limit (${limit}) below current usage (${current.usageBytes})`,
      );
  }
  for (const { id, name, resources, resource, isDecrease } of resizes) {
    const limit = amountOf(resources.limits, "memory")?.value();
    if (resource !== "memory" || !isDecrease || limit === undefined) continue;
    const usage = await resizing.memoryUsageBytes(id, signal);
    if (usage !== undefined && usage > limit)
      errors.push(
        `attempting to set container ${JSON.stringify(name)} memory limit (${limit}) below current usage (${usage})`,
      );
  }
  if (errors.length === 0) return;
  throw new Error(
    `cannot decrease memory limits: ${errors.length === 1 ? errors[0] : `[${errors.join(", ")}]`}`,
  );
}

function linuxResources(
  pod: DefaultedPod,
  name: string,
  { planner, inputs }: ResizeParts,
): LinuxContainerResources {
  const resources =
    planner.resources?.(pod, name) ?? planner.container(pod, name, inputs).config.linux?.resources;
  if (resources) return resources;
  throw new Error(`the planner returns no resources of container ${JSON.stringify(name)}`);
}

function withResources(pod: DefaultedPod, name: string, resources: ResourceRequirements): DefaultedPod {
  const replaced = <T extends { readonly name: string }>(list: readonly T[]): T[] =>
    list.map((container) => (container.name === name ? { ...container, resources } : container));
  const { spec } = pod;
  return {
    ...pod,
    spec: {
      ...spec,
      containers: replaced(spec.containers),
      initContainers: replaced(spec.initContainers),
    },
  };
}
