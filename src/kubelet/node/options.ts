import { isCriError, type OptionCheck, OptionTable, option } from "../../core/index.js";
import type { NodeAddress, Quantity, Resources, Taint } from "../../kubernetes/index.js";
import { parseQuantity } from "../../pods/index.js";
import type { NodeConditionsHook } from "./node-conditions.js";

/** Options of the Node object: additions to the facts that are read from the machine. */
export interface NodeOptions {
  /** Labels of the Node beyond its host name, operating system and architecture. @default none */
  readonly nodeLabels?: Readonly<Record<string, string>> | undefined;
  /** Taints that the Node is registered with. @default none */
  readonly nodeTaints?: readonly Taint[] | undefined;
  /**
   * The addresses of the Node. An API server dials the first one of the types that it prefers.
   * @default the addresses of the interfaces with the default routes (InternalIP), never those of loopback, and `nodeName` (Hostname)
   */
  readonly nodeAddresses?: readonly NodeAddress[] | undefined;
  /** Resources that replace those of the machine, or are added to them: `{ "example.com/gpu": 2 }`. @default none */
  readonly capacity?: Resources | undefined;
  /** Resources that are not allocatable to pods: `kubeReserved` and `systemReserved` of the kubelet. @default none */
  readonly reserved?: Resources | undefined;
  /** The largest number of Pods that have not ended. @default 110 */
  readonly maxPods?: number | undefined;
  /** The version that the Node reports, a semantic version with the prefix "v". @default "v1.36.2+cri-sdk" */
  readonly kubeletVersion?: string | undefined;
  /**
   * Changes the conditions, or adds some. While it throws, or takes more than 10 s, the node is not ready.
   * @default the conditions of the kubelet
   */
  readonly nodeConditions?: NodeConditionsHook | undefined;
}

/**
 * The default of `kubeletVersion`: the release whose behavior this kubelet has. API servers and schedulers parse it as a semantic version,
 * for their rules about skew; what follows the "+" is build metadata, which they ignore.
 */
export const defaultKubeletVersion = "v1.36.2+cri-sdk";

export const defaultMaxPods = 110;

const quantityCheck: OptionCheck<Quantity> = (value) => {
  try {
    parseQuantity(value);
    return undefined;
  } catch (error) {
    if (isCriError(error)) return "must be a quantity, such as 2, 500m or 64Mi";
    throw error;
  }
};

const amountsCheck = option.recordOf(quantityCheck);

const versionCheck: OptionCheck<string> = (value) =>
  typeof value === "string" && /^v\d+\.\d+\.\d+(?:-[-.\w]+)?(?:\+[-.\w]+)?$/.test(value)
    ? undefined
    : 'must be a semantic version with the prefix "v", such as v1.36.2';

const taintTable = new OptionTable<Taint>({
  key: option.required(option.nonEmptyString),
  effect: option.required(option.oneOf("NoSchedule", "PreferNoSchedule", "NoExecute") as OptionCheck<string>),
  value: option.string,
  timeAdded: option.any,
});

const addressTable = new OptionTable<NodeAddress>({
  address: option.required(option.nonEmptyString),
  type: option.required(
    option.oneOf("Hostname", "InternalIP", "ExternalIP", "InternalDNS", "ExternalDNS") as OptionCheck<string>,
  ),
});

/** The options of {@link NodeOptions}. */
export const nodeTable = new OptionTable<NodeOptions>({
  nodeLabels: option.recordOf(option.string),
  nodeTaints: option.listOf(option.nested(taintTable)),
  nodeAddresses: option.listOf(option.nested(addressTable)),
  capacity: amountsCheck,
  reserved: amountsCheck,
  maxPods: option.wholeNumber(0),
  kubeletVersion: versionCheck,
  nodeConditions: option.callback,
});
