import type { ContainerConfig, PodSandboxConfig } from "../../gen/runtime/v1/api_pb.js";
import { hasFunctions, type OptionCheck, OptionTable, option } from "../core/index.js";
import type { Cri } from "../cri.js";
import { authCheck, type ImageAuth } from "../images/index.js";
import {
  type Clock,
  clockCheck,
  criCheck,
  type DefaultedContainer,
  type DefaultedPod,
  type NodeFacts,
  nodeFactsTable,
  type PodPlanner,
  type RestartBackOffOptions,
  restartBackOffTable,
  type VolumePlugins,
  volumePluginsTable,
} from "../kubernetes/index.js";
import type { AdmissionCheck } from "./admission-check.js";
import { type CgroupOptions, cgroupOptionsTable } from "./cgroups/index.js";
import { type EvictionOptions, evictionTable } from "./eviction/index.js";
import {
  type GarbageCollectionOptions,
  garbageCollectionTable,
  type ImageGarbageCollectionOptions,
  imageGarbageCollectionTable,
} from "./garbage/index.js";
import type { KubeletEvent } from "./kubelet-event.js";
import { type LogRotationOptions, logRotationTable } from "./log-rotation/index.js";
import { type NodeOptions, nodeTable } from "./node/index.js";
import type { PodSource } from "./pod-source.js";
import { type RelistOptions, relistTable } from "./relist/index.js";
import {
  type KubeletServerOptions,
  kubeletServerTable,
  type ReadOnlyPortOptions,
  readOnlyPortTable,
} from "./server/index.js";

/** The input of an image policy: the image of a container or volume, before it is pulled or looked up. */
export interface ImageRequest {
  /** The Pod that uses the image. */
  readonly pod: DefaultedPod;
  /** The name of the container, or undefined for the image of a volume. */
  readonly container: string | undefined;
  /** As in the manifest. */
  readonly image: string;
  /** The policy of the container or volume. */
  readonly pullPolicy: "Always" | "IfNotPresent" | "Never";
}

/** The decision of an image policy. Omitted fields stay unchanged. */
export interface ImageDecision {
  /** Another name, such as the same image with a digest. */
  readonly image?: string | undefined;
  /** Another pull policy. */
  readonly pullPolicy?: "Always" | "IfNotPresent" | "Never" | undefined;
}

/**
 * Decides about an image before it is used. It may throw a `StartError` (with a reason such as `ErrImageNeverPull`): then the container
 * waits with that reason, and the start is retried after 10 to 15 s. Any other error has the reason `ErrImagePull`.
 */
export type ImagePolicy = (
  request: ImageRequest,
) => ImageDecision | undefined | Promise<ImageDecision | undefined>;

/** Options of `createKubelet`. */
export interface KubeletOptions extends NodeOptions {
  /** The connection to the runtime. It stays open when the kubelet closes. */
  readonly cri: Cri;
  /** The sources of Pods; at least one. Statuses and events go to all of them. */
  readonly sources: readonly PodSource[];
  /** @default the host name, in lower case */
  readonly nodeName?: string | undefined;
  /**
   * The folder of volumes and of other files of pods, absolute. The runtime must see it under the same path. A kubelet owns the pods that
   * have files in it, and removes those that no source has. Only one kubelet can use it at a time.
   * @default /var/lib/kubelet for root; otherwise `cri-sdk/kubelet` in $XDG_STATE_HOME, or in ~/.local/state
   */
  readonly rootDir?: string | undefined;
  /** The folder of logs, absolute. @default `logs` in `rootDir`; /var/log/pods for root and its default `rootDir` */
  readonly podLogsDir?: string | undefined;
  /**
   * The folder of links to the logs of all containers, absolute; "" for none.
   * @default none; /var/log/containers for root and its default `rootDir`
   */
  readonly containerLogsDir?: string | undefined;
  /** Overrides of facts that are read from the node. @default none */
  readonly node?: Omit<Partial<NodeFacts>, "nodeName" | "rootDir" | "podLogsDir"> | undefined;
  /**
   * Whether to keep or remove Kubernetes pods in the runtime that this kubelet does not own: those without files in `rootDir`. The real
   * kubelet removes them.
   * @default "keep"
   */
  readonly foreignPods?: "keep" | "remove" | undefined;
  /** Unsafe sysctls that pods may set: names, or prefixes such as `net.core.*`. @default none */
  readonly allowedUnsafeSysctls?: readonly string[] | undefined;
  /**
   * What happens without the right to mount: `refuse` fails for volumes that need it; `allow` keeps Secrets on disk, and resolves
   * subPaths in a less safe way.
   * @default "allow" for other users than root, otherwise "refuse"
   */
  readonly withoutMounts?: "refuse" | "allow" | undefined;
  /** Decide whether a Pod may run, in order. @default `defaultAdmissionChecks` */
  readonly admissionChecks?: readonly AdmissionCheck[] | undefined;
  /** One more check, after `admissionChecks`. @default none */
  readonly admit?: AdmissionCheck | undefined;
  /** Returns the runtime handler of a Pod; undefined for that of its RuntimeClass. @default none */
  readonly runtimeHandler?: ((pod: DefaultedPod) => string | undefined) | undefined;
  /**
   * Returns the config for RunPodSandbox. The metadata, the log directory and the kubelet's labels and annotations stay as they are, since
   * the kubelet finds its pods by them. @default the config of the planner
   */
  readonly sandboxConfig?: ((config: PodSandboxConfig, pod: DefaultedPod) => PodSandboxConfig) | undefined;
  /**
   * Returns the config for CreateContainer. The fields that `sandboxConfig` cannot change stay the same here.
   * @default the config of the planner
   */
  readonly containerConfig?:
    | ((config: ContainerConfig, pod: DefaultedPod, container: DefaultedContainer) => ContainerConfig)
    | undefined;
  /**
   * Returns the planner that turns Pods into CRI messages. It is called with the default one, to wrap it.
   * @default the default planner: the rules of the kubelet
   */
  readonly planner?: ((planner: PodPlanner) => PodPlanner) | undefined;
  /** Decides about images before they are pulled. @default the image and the pull policy of the Pod */
  readonly imagePolicy?: ImagePolicy | undefined;
  /** The credentials of the node for registries, after those of the Pod. @default none */
  readonly imageAuth?: ImageAuth | undefined;
  /** How many images are pulled at the same time. @default 1 */
  readonly maxParallelPulls?: number | undefined;
  /**
   * Plugins that mount volumes of PersistentVolumeClaims, CSI drivers and others, by the type of the volume.
   * @default none: such Pods are refused
   */
  readonly volumePlugins?: VolumePlugins | undefined;
  /** The delays of CrashLoopBackOff. @default 10 s to 5 min */
  readonly backOff?: RestartBackOffOptions | undefined;
  /** Evicts pods when the node lacks memory, disk or process ids; false disables that. @default the thresholds of the kubelet */
  readonly eviction?: false | EvictionOptions | undefined;
  /** Removes dead containers, sandboxes and logs of removed pods; false disables that. @default the intervals of the kubelet */
  readonly garbageCollection?: false | GarbageCollectionOptions | undefined;
  /** Removes unused images, including those that others have pulled; false disables that. @default the thresholds of the kubelet */
  readonly imageGarbageCollection?: false | ImageGarbageCollectionOptions | undefined;
  /** Rotates the logs of containers; false disables that. @default at 10 MiB, 5 files */
  readonly logRotation?: false | LogRotationOptions | undefined;
  /**
   * The cgroups of pods. `false` leaves them to the runtime, as for one that has none.
   * @default those of the kubelet, where this process may create them
   */
  readonly cgroups?: false | CgroupOptions | undefined;
  /** How the pods of the node are observed. @default by events, and a list every ten seconds */
  readonly relist?: RelistOptions | undefined;
  /** The kubelet's own API over HTTPS, on which `kubectl logs` and `kubectl exec` depend. @default false: none */
  readonly server?: false | KubeletServerOptions | undefined;
  /** A status page over HTTP, without authentication, on this machine only. @default false: none */
  readonly readOnlyPort?: false | ReadOnlyPortOptions | undefined;
  /** The time source of back-offs, probes and grace periods. @default the clock of this machine */
  readonly clock?: Clock | undefined;
  /** Called with each event of the node and of its Pods. An error that it throws becomes a warning of the process. @default none */
  readonly onEvent?: ((event: KubeletEvent) => void) | undefined;
  /** Closes the kubelet when it fires, even during the start. @default none */
  readonly signal?: AbortSignal | undefined;
}

/** The check of options of a part that may be off. */
function orFalse<T extends object>(table: OptionTable<T>): OptionCheck<false | T> {
  return (value) => (value === false ? undefined : table.find(value));
}

const absolutePathOrNone: OptionCheck<string> = (value) =>
  value === "" ? undefined : option.absolutePath(value);

const cri: OptionCheck<Cri> = criCheck;

/** A source: its optional methods are checked where they are called. */
const sourceCheck: OptionCheck<PodSource> = (value) => {
  const found = hasFunctions<PodSource>("a source, such as `staticPods(folder)`", "start", "close")(value);
  if (found !== undefined) return found;
  return typeof value.name === "string" && value.name !== "" ? undefined : "must have a name";
};

const sourcesCheck: OptionCheck<readonly PodSource[]> = (value) => {
  const found = option.listOf(sourceCheck)(value);
  if (found !== undefined) return found;
  if (value.length === 0) return "must have at least one source";
  const names = value.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  return twice === undefined ? undefined : `must have different names, got ${JSON.stringify(twice)} twice`;
};

const { nodeName: _name, rootDir: _rootDir, podLogsDir: _podLogsDir, ...nodeChecks } = nodeFactsTable.checks;

/** The options of {@link KubeletOptions}. */
export const kubeletTable = new OptionTable<KubeletOptions>({
  cri: option.required(cri),
  sources: option.required(sourcesCheck),
  nodeName: option.nonEmptyString,
  rootDir: option.absolutePath,
  podLogsDir: option.absolutePath,
  containerLogsDir: absolutePathOrNone,
  node: option.nested(new OptionTable<NonNullable<KubeletOptions["node"]>>(nodeChecks)),
  ...nodeTable.checks,
  foreignPods: option.oneOf("keep", "remove"),
  allowedUnsafeSysctls: option.listOf(option.nonEmptyString),
  withoutMounts: option.oneOf("refuse", "allow"),
  admissionChecks: option.listOf(option.callback),
  admit: option.callback,
  runtimeHandler: option.callback,
  sandboxConfig: option.callback,
  containerConfig: option.callback,
  planner: option.callback,
  imagePolicy: option.callback,
  imageAuth: authCheck,
  maxParallelPulls: option.wholeNumber(1),
  volumePlugins: option.nested(volumePluginsTable),
  backOff: option.nested(restartBackOffTable),
  eviction: orFalse(evictionTable),
  garbageCollection: orFalse(garbageCollectionTable),
  imageGarbageCollection: orFalse(imageGarbageCollectionTable),
  logRotation: orFalse(logRotationTable),
  cgroups: orFalse(cgroupOptionsTable),
  relist: option.nested(relistTable),
  server: orFalse(kubeletServerTable),
  readOnlyPort: orFalse(readOnlyPortTable),
  clock: clockCheck,
  onEvent: option.callback,
  signal: option.signal,
});
