import { NamespaceMode } from "../../../gen/runtime/v1/api_pb.js";
import { StartError } from "../start-error.js";
import type { NodeFacts } from "./node-facts.js";
import type { PodInputs } from "./pod-inputs.js";
import type { ContainerView, PodView } from "./pod-view.js";
import { runtimeHandlerOf } from "./runtime-handler.js";

/** The number of ids of a pod's user namespace. */
const userNamespaceLength = 65_536;

/** A range of ids: IDMapping. */
export interface IdRange {
  readonly hostId: number;
  readonly containerId: number;
  readonly length: number;
}

/** NamespaceOption of a sandbox or container. */
export interface Namespaces {
  readonly network: NamespaceMode;
  readonly pid: NamespaceMode;
  readonly ipc: NamespaceMode;
  readonly targetId: string;
  readonly usernsOptions: {
    readonly mode: NamespaceMode;
    readonly uids: IdRange[];
    readonly gids: IdRange[];
  };
}

/**
 * Returns the namespaces of a pod. All modes are set: 0 means POD, which is not the default of `pid` and of the user namespace.
 *
 * @throws StartError for a user namespace that the runtime does not support, or for which no ids are given
 */
export function podNamespaces(view: PodView, node: NodeFacts, inputs: PodInputs): Namespaces {
  const { hostNetwork, hostPID, hostIPC, shareProcessNamespace } = view.spec;
  const shared = shareProcessNamespace ? NamespaceMode.POD : NamespaceMode.CONTAINER;
  return {
    network: hostNetwork ? NamespaceMode.NODE : NamespaceMode.POD,
    pid: hostPID ? NamespaceMode.NODE : shared,
    ipc: hostIPC ? NamespaceMode.NODE : NamespaceMode.POD,
    targetId: "",
    usernsOptions: userNamespace(view, node, inputs),
  };
}

function userNamespace(view: PodView, node: NodeFacts, inputs: PodInputs): Namespaces["usernsOptions"] {
  if (view.spec.hostUsers !== false) return { mode: NamespaceMode.NODE, uids: [], gids: [] };
  const fail = (why: string) => new StartError("FailedCreatePodSandBox", `spec.hostUsers: ${why}`);
  const handler = runtimeHandlerOf(view, inputs);
  if (!node.runtimeHandlers[handler]?.userNamespaces)
    throw fail(`the runtime handler ${JSON.stringify(handler)} does not support user namespaces`);
  if (view.spec.hostNetwork && !node.runtimeFeatures.userNamespacesHostNetwork)
    throw fail("the runtime does not support a user namespace in the host's network");
  const hostId = inputs.userNamespaceHostId;
  if (hostId === undefined) throw fail("no ids are reserved for the pod: pass `userNamespaceHostId`");
  if (!Number.isSafeInteger(hostId) || hostId <= 0 || hostId + userNamespaceLength > 2 ** 32)
    throw fail(`userNamespaceHostId must be a number from 1 to 4294901760, got ${hostId}`);
  const mapping = () => [{ hostId, containerId: 0, length: userNamespaceLength }];
  return { mode: NamespaceMode.POD, uids: mapping(), gids: mapping() };
}

/** Returns the namespaces of a container: those of the pod, or the PID namespace of an ephemeral container's target. */
export function containerNamespaces(
  pod: Namespaces,
  { container, path }: ContainerView,
  inputs: PodInputs,
): Namespaces {
  const target = container.targetContainerName;
  if (target === undefined || target === "" || pod.pid !== NamespaceMode.CONTAINER) return pod;
  const targetId = inputs.containers?.[target]?.id;
  if (targetId === undefined)
    throw new StartError(
      "CreateContainerConfigError",
      `${path}.targetContainerName: the container ${JSON.stringify(target)} has not been created`,
    );
  return { ...pod, pid: NamespaceMode.TARGET, targetId };
}
