import { join } from "node:path";
import { OptionTable, option } from "../../core/index.js";
import { authCheck, type ImageAuth } from "../../images/index.js";
import type { ConfigMap, PodStatus, Secret } from "../api/index.js";
import { clockCheck } from "../argument-checks.js";
import { nodeFactsTable } from "../config/input-checks.js";
import type { NodeFacts } from "../config/node-facts.js";
import type { ServiceInput } from "../config/pod-inputs.js";
import { isRoot, userStateFolder } from "../node/user-rights.js";
import { type VolumePlugins, volumePluginsTable } from "../node/volume-plugin.js";
import type { Clock } from "../worker/clock.js";
import type { PodPlanner, PodWorkerEvent } from "../worker/ports.js";

/** The objects that a Pod may refer to. They can be replaced while it runs: {@link PlayedPod.update}. */
export interface PlayInputs {
  /** In addition to those of the manifest, which take precedence. @default none */
  readonly configMaps?: readonly ConfigMap[] | undefined;
  /** In addition to those of the manifest, which take precedence; also for `spec.imagePullSecrets`. @default none */
  readonly secrets?: readonly Secret[] | undefined;
  /** The Services whose addresses become environment variables. @default none */
  readonly services?: readonly ServiceInput[] | undefined;
}

/** Options of {@link playPod}. */
export interface PlayPodOptions extends PlayInputs {
  /** The runtime handlers by the names of RuntimeClasses, for `spec.runtimeClassName`. @default none */
  readonly runtimeClasses?: Readonly<Record<string, string>> | undefined;
  /** Facts of the node to use instead of those that are read from it. @default none, but the `cgroupRoot` /cri-sdk */
  readonly node?: Omit<Partial<NodeFacts>, "rootDir" | "podLogsDir"> | undefined;
  /**
   * The folder of volumes and of other files of pods, absolute. The runtime must see it under the same path. A program that adopts
   * pods after a crash must use the same folder.
   * @default /var/lib/cri-sdk for root; otherwise `cri-sdk` in $XDG_STATE_HOME, or in ~/.local/state
   */
  readonly rootDir?: string | undefined;
  /**
   * The folder of logs, absolute. /var/log/pods belongs to the kubelet, which removes logs of pods that it does not know.
   * @default `logs` in `rootDir`
   */
  readonly podLogsDir?: string | undefined;
  /** The folder of links to the logs of all containers, such as /var/log/containers. @default none */
  readonly containerLogsDir?: string | undefined;
  /** What mounts volumes of PersistentVolumeClaims, CSI drivers and so on, by their source. @default none: such Pods are refused */
  readonly volumePlugins?: VolumePlugins | undefined;
  /** Sysctls beyond those that affect no other pod: names, or prefixes such as `net.core.*`. @default none */
  readonly allowedUnsafeSysctls?: readonly string[] | undefined;
  /**
   * What happens without the right to mount: `refuse` fails for volumes that need it; `allow` keeps Secrets on disk, and resolves
   * subPaths in a less safe way.
   * @default "allow" for other users than root, otherwise "refuse"
   */
  readonly withoutMounts?: "refuse" | "allow" | undefined;
  /** The credentials of the node for registries, after those of the Pod. @default none */
  readonly imageAuth?: ImageAuth | undefined;
  /** The name of the manifest in errors, usually the path of its file. @default "the manifest" */
  readonly source?: string | undefined;
  /** Turns the Pod into messages of CRI: wrap {@link podPlanner} to change them. @default the rules of the kubelet */
  readonly planner?: ((planner: PodPlanner) => PodPlanner) | undefined;
  /** Called with each event. @default none */
  readonly onEvent?: ((event: PodWorkerEvent) => void) | undefined;
  /** Called with each new status. @default none */
  readonly onStatus?: ((status: PodStatus<Date>) => void) | undefined;
  /** The time source of back-offs, probes and grace periods. @default the clock of this machine */
  readonly clock?: Clock | undefined;
  /** Cancels the start: `playPod` rejects with `aborted_by_caller`, or `deadline`. Later, it has no effect: see {@link PlayedPod.stop}. */
  readonly signal?: AbortSignal | undefined;
}

/** The objects of {@link PlayInputs}. Their content is checked where it is used. */
export const playInputsTable = new OptionTable<PlayInputs>({
  configMaps: option.listOf(option.object),
  secrets: option.listOf(option.object),
  services: option.listOf(option.object),
});

const { rootDir: _rootDir, podLogsDir: _podLogsDir, ...nodeChecks } = nodeFactsTable.checks;

/** The options of {@link PlayPodOptions}. */
export const playPodTable = new OptionTable<PlayPodOptions>({
  ...playInputsTable.checks,
  runtimeClasses: option.recordOf(option.string),
  node: option.nested(new OptionTable<NonNullable<PlayPodOptions["node"]>>(nodeChecks)),
  rootDir: option.absolutePath,
  podLogsDir: option.absolutePath,
  containerLogsDir: option.absolutePath,
  volumePlugins: option.nested(volumePluginsTable),
  allowedUnsafeSysctls: option.listOf(option.nonEmptyString),
  withoutMounts: option.oneOf("refuse", "allow"),
  imageAuth: authCheck,
  source: option.nonEmptyString,
  planner: option.callback,
  onEvent: option.callback,
  onStatus: option.callback,
  clock: clockCheck,
  signal: option.signal,
});

/** Returns the folders and the rights of the node with their defaults. */
export function resolveFolders({ rootDir = defaultRootDir(), podLogsDir, withoutMounts }: PlayPodOptions) {
  return {
    rootDir,
    podLogsDir: podLogsDir ?? join(rootDir, "logs"),
    withoutMounts: withoutMounts ?? (isRoot() ? "refuse" : "allow"),
  } as const;
}

function defaultRootDir(): string {
  return isRoot() ? "/var/lib/cri-sdk" : join(userStateFolder(), "cri-sdk");
}
