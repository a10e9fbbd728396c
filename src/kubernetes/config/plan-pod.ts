import { create } from "@bufbuild/protobuf";
import {
  type LinuxContainerResources,
  LinuxContainerResourcesSchema,
  type PodSandboxConfig,
  PodSandboxConfigSchema,
} from "../../../gen/runtime/v1/api_pb.js";
import { criError, kubernetesLabels } from "../../core/index.js";
import { dottedSysctl } from "../../pods/index.js";
import type { DefaultedPod } from "../defaults/index.js";
import { podLogFolder } from "../node/pod-paths.js";
import { containerResources } from "./container-resources.js";
import { podDns } from "./dns.js";
import { sandboxHostname } from "./hostname.js";
import { checkPlanInput } from "./input-checks.js";
import { podNamespaces } from "./namespaces.js";
import type { NodeFacts } from "./node-facts.js";
import { planContainerOf } from "./plan-container.js";
import { planVolumes } from "./plan-volumes.js";
import type { ConfigNotice, PlannedContainer, PodConfigs, PodPlan } from "./pod-configs.js";
import type { PodInputs } from "./pod-inputs.js";
import { podCgroupParent, sandboxOverhead, sandboxResources } from "./pod-resources.js";
import { type ContainerView, containersOf, type PodView, viewOf } from "./pod-view.js";
import { portMappings } from "./port-mappings.js";
import { runtimeHandlerOf } from "./runtime-handler.js";
import { sandboxSecurity } from "./security.js";

/**
 * Returns everything that a Pod becomes: the sandbox config, the volumes, and the config of each container in the order of their start.
 * They are those of the kubelet (Kubernetes 1.36), with three differences: lists whose order is random in the kubelet have one; a pod's
 * `runAsGroup` without `runAsUser` is not sent for the sandbox, since runtimes refuse it; and huge pages are not limited to 0 on nodes
 * without that controller, since runc fails there.
 *
 * A pure function. A program that runs the Pod calls {@link podPlan} before RunPodSandbox and {@link planContainer} before each
 * CreateContainer instead, since the addresses, the image ids and the restart counts are not known earlier.
 *
 * @param pod what `defaultPod()` returns; check it with `checkPod()` before
 * @param inputs the objects that the Pod refers to, and what is known of its state
 * @throws StartError for what cannot start, with the path of the field; CriError `invalid_spec` for a Pod without a name
 */
export function podConfigs(pod: DefaultedPod, node: NodeFacts, inputs: PodInputs = {}): PodConfigs {
  checkPlanInput("podConfigs", pod, node, inputs);
  const view = viewOf(pod);
  const plan = planPod(view, node, inputs);
  return {
    ...plan,
    containers: containersOf(view.spec).map((one) => planContainerOf(view, one, node, inputs)),
  };
}

/** Returns what is needed before the containers of a Pod: the sandbox config, the runtime handler and the volumes. See {@link podConfigs}. */
export function podPlan(pod: DefaultedPod, node: NodeFacts, inputs: PodInputs = {}): PodPlan {
  checkPlanInput("podPlan", pod, node, inputs);
  return planPod(viewOf(pod), node, inputs);
}

/**
 * Returns the config of one container and the files that it needs. See {@link podConfigs}.
 *
 * @param containerName of any kind of container
 */
export function planContainer(
  pod: DefaultedPod,
  containerName: string,
  node: NodeFacts,
  inputs: PodInputs = {},
): PlannedContainer {
  checkPlanInput("planContainer", pod, node, inputs);
  const view = viewOf(pod);
  return planContainerOf(view, containerNamed("planContainer", view, containerName), node, inputs);
}

/** Returns `config.linux.resources` of a container, as {@link planContainer} does, without the objects that the container refers to. */
export function planResources(
  pod: DefaultedPod,
  containerName: string,
  node: NodeFacts,
): LinuxContainerResources {
  checkPlanInput("planResources", pod, node, {});
  const view = viewOf(pod);
  const resources = containerResources(view, containerNamed("planResources", view, containerName), node);
  return create(LinuxContainerResourcesSchema, resources);
}

function containerNamed(operation: string, view: PodView, name: string): ContainerView {
  const one = containersOf(view.spec).find(({ container }) => container.name === name);
  if (one) return one;
  throw criError(
    "invalid_option",
    `${operation}: containerName: the Pod has no container ${JSON.stringify(name)}`,
  );
}

function planPod(view: PodView, node: NodeFacts, inputs: PodInputs): PodPlan {
  const { config, notices } = sandboxConfigOf(view, node, inputs);
  return {
    runtimeHandler: runtimeHandlerOf(view, inputs),
    sandbox: config,
    volumes: planVolumes(view, node, inputs),
    notices,
  };
}

function sandboxConfigOf(
  view: PodView,
  node: NodeFacts,
  inputs: PodInputs,
): { readonly config: PodSandboxConfig; readonly notices: readonly ConfigNotice[] } {
  const { name, namespace, uid, labels, annotations, spec } = view;
  const { dns, notices } = podDns(view, node);
  const sysctls = (spec.securityContext.sysctls ?? []).map(
    ({ name, value }) => [dottedSysctl(name), value] as const,
  );
  const config = create(PodSandboxConfigSchema, {
    metadata: { name, namespace, uid, attempt: inputs.sandboxAttempt ?? 0 },
    hostname: sandboxHostname(view, node),
    logDirectory: podLogFolder(node.podLogsDir, view),
    dnsConfig: dns,
    portMappings: portMappings(spec),
    labels: {
      ...labels,
      [kubernetesLabels.podName]: name,
      [kubernetesLabels.podNamespace]: namespace,
      [kubernetesLabels.podUid]: uid,
    },
    annotations: { ...annotations },
    linux: {
      cgroupParent: podCgroupParent(view.pod, node),
      sysctls: Object.fromEntries(sysctls),
      securityContext: sandboxSecurity(view, podNamespaces(view, node, inputs), node),
      resources: sandboxResources(spec, node),
      overhead: sandboxOverhead(spec, node) ?? {},
    },
  });
  return { config, notices };
}
