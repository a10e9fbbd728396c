import { create } from "@bufbuild/protobuf";
import { ContainerConfigSchema, Signal } from "../../../gen/runtime/v1/api_pb.js";
import { kubernetesLabels } from "../../core/index.js";
import { signalNamed } from "../../pods/index.js";
import { StartError } from "../start-error.js";
import { containerAnnotations } from "./container-annotations.js";
import { containerResources } from "./container-resources.js";
import { containerEnvironment, expandWith } from "./environment.js";
import { imageForPull, pullPolicyOf } from "./image-name.js";
import { containerMounts } from "./mounts.js";
import { containerNamespaces, podNamespaces } from "./namespaces.js";
import type { NodeFacts } from "./node-facts.js";
import type { PlannedContainer } from "./pod-configs.js";
import type { PodInputs } from "./pod-inputs.js";
import type { ContainerView, PodView } from "./pod-view.js";
import { containerSecurity } from "./security.js";

const reason = "CreateContainerConfigError";

/** Returns the config of one container, and what it needs on the node. */
export function planContainerOf(
  view: PodView,
  one: ContainerView,
  node: NodeFacts,
  inputs: PodInputs,
): PlannedContainer {
  const { container, kind, path } = one;
  const { name, image } = container;
  const { restartCount = 0, devices = [], cdiDevices = [] } = inputs.containers?.[name] ?? {};
  if (container.volumeDevices?.length)
    throw new StartError(
      "CreateContainerConfigError",
      `${path}.volumeDevices: block devices are not supported`,
    );
  const environment = containerEnvironment(one, { view, node, inputs });
  const namespaces = containerNamespaces(podNamespaces(view, node, inputs), one, inputs);
  const { mounts, files } = containerMounts(
    { view, one, node, inputs, environment },
    restartCount,
    namespaces,
  );
  const imageToPull = imageForPull(image, `${path}.image`);
  const imageFacts = inputs.images?.[image];
  const config = create(ContainerConfigSchema, {
    metadata: { name, attempt: restartCount },
    image: { image: imageFacts?.id ?? imageToPull, userSpecifiedImage: image },
    command: (container.command ?? []).map((text) => expandWith(environment, text)),
    args: (container.args ?? []).map((text) => expandWith(environment, text)),
    workingDir: container.workingDir ?? "",
    envs: [...environment].map(([key, value]) => ({ key, value: Buffer.from(value, "latin1") })),
    mounts,
    devices: devices.map(({ hostPath, containerPath, permissions }) => ({
      hostPath,
      containerPath,
      permissions,
    })),
    CDIDevices: cdiDevices.map((device) => ({ name: device })),
    labels: {
      [kubernetesLabels.containerName]: name,
      [kubernetesLabels.podName]: view.name,
      [kubernetesLabels.podNamespace]: view.namespace,
      [kubernetesLabels.podUid]: view.uid,
    },
    annotations: containerAnnotations(view, container, restartCount),
    logPath: `${name}/${restartCount}.log`,
    stdin: container.stdin === true,
    stdinOnce: container.stdinOnce === true,
    tty: container.tty === true,
    stopSignal: stopSignalOf(one),
    linux: {
      resources: containerResources(view, one, node),
      securityContext: containerSecurity(view, one, namespaces, node, imageFacts),
    },
  });
  const pullPolicy = pullPolicyOf(container.imagePullPolicy, `${path}.imagePullPolicy`, reason);
  return { name, kind, image: imageToPull, pullPolicy, config, files };
}

/** Returns the stop signal of `lifecycle.stopSignal`. The kubelet sends it with the gate ContainerStopSignals only. */
function stopSignalOf({ container, path }: ContainerView): Signal {
  const name = container.lifecycle?.stopSignal;
  if (name === undefined || name === "") return Signal.RUNTIME_DEFAULT;
  const signal = signalNamed(name);
  if (signal !== undefined) return signal;
  throw new StartError(
    reason,
    `${path}.lifecycle.stopSignal: must be the name of a signal such as SIGTERM or SIGRTMIN+3, got ${JSON.stringify(name)}`,
  );
}
