import { create } from "@bufbuild/protobuf";
import {
  type ContainerConfig,
  ContainerConfigSchema,
  type PodSandboxConfig,
  PodSandboxConfigSchema,
} from "../../../gen/runtime/v1/api_pb.js";
import { rawMessageOf } from "../../core/index.js";
import { type DefaultedPod, type PodPlanner, StartError } from "../../kubernetes/index.js";
import type { KubeletOptions } from "../options.js";
import { withOwner } from "./sandbox-owner.js";

type Changes = Pick<KubeletOptions, "planner" | "runtimeHandler" | "sandboxConfig" | "containerConfig">;

/**
 * Returns the planner of a kubelet: the given one, wrapped by the callbacks of the options. What a kubelet finds its pods by is restored
 * after each callback. The results are complete messages, which the client checks before each call as it checks any other.
 *
 * @param owner the kubelet, as `sandboxOwner()` returns it
 */
export function customPlanner(
  base: PodPlanner,
  owner: string,
  { planner, runtimeHandler, sandboxConfig, containerConfig }: Changes,
): PodPlanner {
  const inner = planner ? guard("planner", () => planner(base)) : base;
  return {
    pod(pod, inputs) {
      const original = base.pod(pod, inputs);
      const plan = planner ? guard("planner", () => inner.pod(pod, inputs)) : original;
      const handler = guard("runtimeHandler", () => runtimeHandler?.(pod)) ?? plan.runtimeHandler;
      const changed = sandboxConfig
        ? guard("sandboxConfig", () => sandboxConfig(plan.sandbox, pod))
        : plan.sandbox;
      const sandbox =
        changed === original.sandbox
          ? changed
          : guard("sandboxConfig", () => ownedSandbox(changed, original.sandbox));
      return { ...plan, runtimeHandler: handler, sandbox: withOwner(sandbox, owner) };
    },
    container(pod, name, inputs) {
      const original = base.container(pod, name, inputs);
      const planned = planner ? guard("planner", () => inner.container(pod, name, inputs)) : original;
      const container = containerOf(pod, name);
      const changed =
        containerConfig && container
          ? guard("containerConfig", () => containerConfig(planned.config, pod, container))
          : planned.config;
      const config =
        changed === original.config
          ? changed
          : guard("containerConfig", () => ownedContainer(changed, original.config));
      return { ...planned, name, config };
    },
  };
}

function containerOf({ spec }: DefaultedPod, name: string) {
  return [...spec.initContainers, ...spec.containers, ...spec.ephemeralContainers].find(
    (one) => one.name === name,
  );
}

/** The prefixes of labels and annotations that a kubelet relies on. */
const ownedPrefixes = ["io.kubernetes.", "kubernetes.io/"] as const;

function owned(
  changed: Readonly<Record<string, string>> | undefined,
  original: Readonly<Record<string, string>>,
): Record<string, string> {
  const isOwned = (key: string) => ownedPrefixes.some((prefix) => key.startsWith(prefix));
  const ofOthers = Object.entries(changed ?? {}).filter(([key]) => !isOwned(key));
  const ofKubelet = Object.entries(original).filter(([key]) => isOwned(key));
  return Object.fromEntries([...ofOthers, ...ofKubelet]);
}

function ownedSandbox(changed: PodSandboxConfig, original: PodSandboxConfig): PodSandboxConfig {
  const { metadata, logDirectory, labels, annotations } = original;
  return create(PodSandboxConfigSchema, {
    ...changed,
    metadata,
    logDirectory,
    labels: owned(changed.labels, labels),
    annotations: owned(changed.annotations, annotations),
  });
}

function ownedContainer(changed: ContainerConfig, original: ContainerConfig): ContainerConfig {
  const { metadata, logPath, labels, annotations } = original;
  return create(ContainerConfigSchema, {
    ...changed,
    metadata,
    logPath,
    labels: owned(changed.labels, labels),
    annotations: owned(changed.annotations, annotations),
  });
}

/** Calls a callback of the options. Its error becomes the reason why the Pod waits, and the start is retried. */
function guard<T>(what: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError("CreateContainerConfigError", `${what}: ${rawMessageOf(error)}`, { cause: error });
  }
}
