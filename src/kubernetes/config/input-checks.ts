import {
  checkArgument,
  isRecord,
  type OptionCheck,
  OptionTable,
  option,
  optionError,
} from "../../core/index.js";
import type { DefaultedPod } from "../defaults/index.js";
import type { NodeFacts } from "./node-facts.js";
import type { ContainerInput, DeviceInput, ImageFacts, PodInputs, ServiceInput } from "./pod-inputs.js";

const ofBytes = (value: bigint) =>
  typeof value === "bigint" && value >= 0n ? undefined : "must be a bigint of 0 or more bytes";
const amount = option.either(option.string, option.anyNumber);

/** The facts of a node, each of which may be given. */
export const nodeFactsTable = new OptionTable<Partial<NodeFacts>>({
  nodeName: option.nonEmptyString,
  nodeIPs: option.listOf(option.nonEmptyString),
  memoryBytes: ofBytes,
  swapBytes: ofBytes,
  allocatable: option.recordOf(amount),
  cgroupVersion: (value) => (value === 1 || value === 2 ? undefined : "must be 1 or 2"),
  cgroupDriver: option.oneOf("systemd", "cgroupfs"),
  cgroupRoot: option.string,
  hugePageSizes: option.listOf(option.nonEmptyString),
  hasHugetlbController: option.boolean,
  hasSwapController: option.boolean,
  swapBehavior: option.oneOf("NoSwap", "LimitedSwap"),
  cpuCfsQuota: option.boolean,
  cpuCfsPeriodMicros: option.wholeNumber(1000, 1_000_000),
  singleProcessOomKill: option.boolean,
  memoryQos: option.oneOf("off", "None", "TieredReservation"),
  pageSizeBytes: option.wholeNumber(1),
  clusterDns: option.listOf(option.nonEmptyString),
  clusterDomain: option.string,
  resolvConf: option.string,
  hostsFile: option.string,
  rootDir: option.absolutePath,
  podLogsDir: option.absolutePath,
  seccompDefault: option.boolean,
  thermalThrottlePaths: option.listOf(option.absolutePath),
  selinux: option.boolean,
  runtimeFeatures: option.nested(
    new OptionTable<NodeFacts["runtimeFeatures"]>({
      supplementalGroupsPolicy: option.required(option.boolean),
      userNamespacesHostNetwork: option.required(option.boolean),
    }),
  ),
  runtimeHandlers: option.recordOf(
    option.nested(
      new OptionTable<NodeFacts["runtimeHandlers"][string]>({
        userNamespaces: option.required(option.boolean),
        recursiveReadOnlyMounts: option.required(option.boolean),
      }),
    ),
  ),
  runtimeName: option.string,
});

/** The facts for which undefined is a value. */
const mayBeUndefined: ReadonlySet<string> = new Set([
  "cgroupDriver",
  "resolvConf",
] satisfies (keyof NodeFacts)[]);

const servicePortTable = new OptionTable<ServiceInput["ports"][number]>({
  name: option.string,
  port: option.required(option.wholeNumber(1, 65_535)),
  protocol: option.string,
});
const serviceTable = new OptionTable<ServiceInput>({
  name: option.required(option.nonEmptyString),
  namespace: option.required(option.nonEmptyString),
  clusterIP: option.required(option.string),
  ports: option.required(option.listOf(option.nested(servicePortTable))),
});
const imageTable = new OptionTable<ImageFacts>({
  id: option.required(option.nonEmptyString),
  uid: option.bigint,
  username: option.string,
});
const deviceTable = new OptionTable<DeviceInput>({
  hostPath: option.required(option.absolutePath),
  containerPath: option.required(option.absolutePath),
  permissions: option.required((value: string) =>
    /^(?!.*(.).*\1)[rwm]+$/.test(value) ? undefined : 'must consist of "r", "w" and "m", each at most once',
  ),
});
const containerTable = new OptionTable<ContainerInput>({
  restartCount: option.wholeNumber(0, 2 ** 32 - 1),
  id: option.nonEmptyString,
  devices: option.listOf(option.nested(deviceTable)),
  cdiDevices: option.listOf(option.nonEmptyString),
});
export const podInputsTable = new OptionTable<PodInputs>({
  // Their content is checked where it is read.
  configMaps: option.listOf(option.object),
  secrets: option.listOf(option.object),
  services: option.listOf(option.nested(serviceTable)),
  runtimeClasses: option.recordOf(option.string),
  sandboxAttempt: option.wholeNumber(0, 2 ** 32 - 1),
  podIPs: option.listOf(option.nonEmptyString),
  images: option.recordOf(option.nested(imageTable)),
  containers: option.recordOf(option.nested(containerTable)),
  userNamespaceHostId: option.wholeNumber(1),
  readVolumeFile: option.callback,
  serviceAccountTokens: option.recordOf(option.secret),
});

/** The lists of a Pod's spec that are absent until `defaultPod`. */
const defaultedLists = ["containers", "initContainers", "ephemeralContainers", "volumes"];

const defaultedPodCheck: OptionCheck<DefaultedPod> = (value: unknown) => {
  if (isRecord(value) && isRecord(value.metadata) && isRecord(value.spec)) {
    const { spec } = value;
    if (isRecord(spec.securityContext) && defaultedLists.every((name) => Array.isArray(spec[name])))
      return undefined;
  }
  return "must be what `defaultPod(pod)` or `checkPod(pod)` returns";
};

/** Checks the arguments that the functions of configs have in common. */
export function checkPlanInput(
  operation: string,
  pod: DefaultedPod,
  node: NodeFacts,
  inputs: PodInputs,
): void {
  checkArgument(operation, "pod", pod, defaultedPodCheck);
  checkNodeArgument(operation, node);
  checkArgument(operation, "inputs", inputs, option.nested(podInputsTable));
}

/** Throws `invalid_option` for facts that are invalid, unknown or missing. */
export function checkNodeArgument(operation: string, node: NodeFacts): void {
  checkArgument(operation, "node", node, option.nested(nodeFactsTable));
  for (const name of Object.keys(nodeFactsTable.checks))
    if (!mayBeUndefined.has(name) && Reflect.get(node, name) === undefined)
      throw optionError(operation, {
        path: `.node.${name}`,
        message: "is required: pass what `nodeFacts(cri)` returns",
      });
}
