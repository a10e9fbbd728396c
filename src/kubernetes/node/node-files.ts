import { readdir, realpath } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ContainerConfig } from "../../../gen/runtime/v1/api_pb.js";
import { abortError, codeOf, criError, OptionTable, option } from "../../core/index.js";
import type { Pod } from "../api/index.js";
import type { PlannedContainer, PodConfigs } from "../config/pod-configs.js";
import type { VolumePlan } from "../config/volume-plans.js";
import { createTerminationLog, readTerminationLog, writeHostsFile } from "./container-files.js";
import { ensureFolder } from "./folders.js";
import { createLogLink, ensureLogFolder, logLinkName, removeLogLink, removePodLogs } from "./log-folders.js";
import { isWithin, mountsWithin, readMountTable } from "./mount-table.js";
import { Mounts, mayMount } from "./mounts.js";
import { podFolder, podsFolder } from "./pod-paths.js";
import { checkPropagation } from "./propagation.js";
import { removeTree } from "./remove-tree.js";
import { bindSubPath, openSubPath } from "./sub-path.js";
import {
  assignUserNamespace,
  defaultUserNamespaceIds,
  idsPerPod,
  type UserNamespaceIds,
} from "./user-namespaces.js";
import type { VolumeContext } from "./volume-context.js";
import { named, volumeError } from "./volume-error.js";
import { type UnmountVolume, type VolumePlugins, volumePluginsTable } from "./volume-plugin.js";
import { prepareVolume, writeFilesVolume } from "./volumes.js";

/** A pod, as far as its files depend on it. */
interface PodIdentity {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
}

/** What {@link NodeFilesOptions.onNotice} receives. */
export interface NodeFilesNotice {
  readonly pod: PodIdentity;
  /** What differs from the manifest: `volume "tls": is kept on disk, …`. */
  readonly text: string;
}

/** Options of {@link NodeFiles}. */
export interface NodeFilesOptions {
  /** The folder of pods' files, `NodeFacts.rootDir`: /var/lib/kubelet. The runtime must see what this process mounts there. */
  readonly rootDir: string;
  /** The folder of pods' logs, `NodeFacts.podLogsDir`: /var/log/pods. */
  readonly podLogsDir: string;
  /** The folder of links to the logs of all containers, such as /var/log/containers. @default none */
  readonly containerLogsDir?: string | undefined;
  /** What mounts volumes of PersistentVolumeClaims, CSI drivers and so on, by their source. @default none */
  readonly plugins?: VolumePlugins | undefined;
  /**
   * What happens where this process may not mount, because it lacks CAP_SYS_ADMIN. `refuse` fails. `allow` keeps Secrets and volumes in
   * memory in ordinary folders, and resolves each subPath once: a container that replaces a folder by a link after that can make the
   * runtime mount another path of the node. `onNotice` reports each case.
   * @default "refuse"
   */
  readonly withoutMounts?: "refuse" | "allow" | undefined;
  /** The ids for pods with `hostUsers: false`. @default all from 65,536 on */
  readonly userNamespaceIds?: UserNamespaceIds | undefined;
  /** The timeout of one mount, in milliseconds. @default 30_000 */
  readonly mountTimeoutMs?: number | undefined;
  /** Is called with what differs from the manifest. @default none */
  readonly onNotice?: ((notice: NodeFilesNotice) => void) | undefined;
}

const absolutePath = (value: string) =>
  typeof value === "string" && value.startsWith("/") ? undefined : "must be an absolute path";

/** The options of {@link NodeFilesOptions}. */
export const nodeFilesTable = new OptionTable<NodeFilesOptions>({
  rootDir: option.required(absolutePath),
  podLogsDir: option.required(absolutePath),
  containerLogsDir: absolutePath,
  plugins: option.nested(volumePluginsTable),
  withoutMounts: (value) =>
    value === "refuse" || value === "allow" ? undefined : 'must be "refuse" or "allow"',
  userNamespaceIds: ({ firstHostId, pods }) =>
    Number.isSafeInteger(pods) && pods > 0 && firstHostId >= idsPerPod && firstHostId % idsPerPod === 0
      ? undefined
      : `must have pods, 1 or more, and firstHostId, a multiple of ${idsPerPod}`,
  mountTimeoutMs: option.timerMs,
  onNotice: option.callback,
});

/**
 * The volumes, files and logs of pods on this node, in the kubelet's layout. Everything is idempotent and can be repeated after the
 * process died at any point. Calls for one pod must not overlap. Errors have the reason `volume_failed`.
 *
 * Mounting needs CAP_SYS_ADMIN and the programs of util-linux, and the runtime must be in the mount namespace of this process.
 */
export class NodeFiles {
  readonly #options: NodeFilesOptions;
  readonly #mounts: Mounts;
  readonly #mayMount = mayMount();
  /** What the plug-ins returned, by the uid of the pod and the name of the volume. */
  readonly #unmounts = new Map<string, Map<string, UnmountVolume>>();

  constructor(options: NodeFilesOptions) {
    nodeFilesTable.check("NodeFiles", options);
    this.#options = options;
    this.#mounts = new Mounts(this.#mountTimeoutMs);
  }

  /**
   * Prepares the pod's folders and volumes, before RunPodSandbox. Files of volumes are written again where they differ. Images of image
   * volumes are not pulled: the caller does that, from the plans.
   */
  async prepare(
    pod: Pod,
    configs: Pick<PodConfigs, "volumes" | "sandbox">,
    signal?: AbortSignal,
  ): Promise<void> {
    const identity = identityOf(pod);
    const folder = podFolder(this.#options.rootDir, identity.uid);
    await named(folder, () => ensureFolder(folder));
    const { logDirectory } = configs.sandbox;
    if (logDirectory !== "") await named(logDirectory, () => ensureLogFolder(logDirectory));
    for (const plan of configs.volumes) {
      const context = this.#contextOf(pod, plan, signal);
      await named(context.what, async () => {
        const unmount = await prepareVolume(plan, pod, context, this.#options.plugins ?? {}, signal);
        if (unmount) this.#keepUnmount(identity.uid, plan.name, unmount);
      });
    }
  }

  /**
   * Writes the files of configMap, secret, downwardAPI and projected volumes again where they differ, each volume atomically. Mounts with
   * a subPath keep the old files.
   */
  async update(pod: Pod, configs: Pick<PodConfigs, "volumes">, signal?: AbortSignal): Promise<void> {
    for (const plan of configs.volumes) {
      if (plan.kind !== "files") continue;
      const context = this.#contextOf(pod, plan, signal);
      await named(context.what, () => writeFilesVolume(plan, context));
    }
  }

  /**
   * Prepares what one container needs before CreateContainer: its subPaths, /etc/hosts, the file for its termination message and the
   * folder of its logs. Returns the config for CreateContainer: its mounts differ from the given ones only without mounts.
   */
  async prepareContainer(
    pod: Pod,
    configs: Pick<PodConfigs, "sandbox">,
    { config, files, name }: Pick<PlannedContainer, "config" | "files" | "name">,
  ): Promise<ContainerConfig> {
    const what = `container ${JSON.stringify(name)}`;
    const { logDirectory } = configs.sandbox;
    if (logDirectory !== "" && config.logPath !== "") {
      const folder = dirname(join(logDirectory, config.logPath));
      await named(`${what}: ${folder}`, () => ensureLogFolder(folder));
    }
    const { hosts, terminationLog } = files;
    if (hosts) await named(`${what}: /etc/hosts`, () => writeHostsFile(hosts.hostPath, hosts.content));
    if (terminationLog !== undefined)
      await named(`${what}: terminationMessagePath`, () => createTerminationLog(terminationLog));
    const replaced = await this.#prepareSubPaths(pod, files.subPaths);
    const mounts = config.mounts.map((mount) => {
      const hostPath = replaced.get(mount.hostPath);
      return hostPath === undefined ? mount : { ...mount, hostPath };
    });
    await checkPropagation(what, mounts);
    return { ...config, mounts };
  }

  /** Creates the link to a container's log, after StartContainer. Does nothing without `containerLogsDir`, or while there is no log. */
  async linkLog(pod: Pod, containerName: string, containerId: string, logPath: string): Promise<void> {
    const { containerLogsDir } = this.#options;
    if (containerLogsDir === undefined) return;
    const name = logLinkName(identityOf(pod), containerName, containerId);
    await named(containerLogsDir, () => createLogLink(containerLogsDir, name, logPath));
  }

  /** Removes the link to a container's log and the file of its termination message, after RemoveContainer. */
  async removeContainer(
    pod: Pod,
    container: {
      readonly name: string;
      readonly id: string;
      readonly terminationMessageHostPath?: string | undefined;
    },
  ): Promise<void> {
    const { containerLogsDir, rootDir } = this.#options;
    const identity = identityOf(pod);
    const { terminationMessageHostPath: message } = container;
    // The runtime reports the path: other paths are not removed.
    if (message !== undefined && isWithin(message, join(podFolder(rootDir, identity.uid), "containers")))
      await named(message, () => removeTree(message));
    if (containerLogsDir === undefined) return;
    const name = logLinkName(identity, container.name, container.id);
    await named(containerLogsDir, () => removeLogLink(containerLogsDir, name));
  }

  /** Returns the last 4,096 bytes of a termination message; "" where there is none. Links are not followed. */
  async readTerminationMessage(hostPath: string): Promise<string> {
    return await named(hostPath, () => readTerminationLog(hostPath));
  }

  /**
   * Returns `PodInputs.userNamespaceHostId` of a pod with `hostUsers: false`: the first of 65,536 ids that no other pod of this root
   * folder has, also in other processes. The pod has them until {@link remove}.
   */
  async userNamespaceHostId(podUid: string): Promise<number> {
    const { rootDir, userNamespaceIds = defaultUserNamespaceIds } = this.#options;
    return await named("hostUsers", () =>
      assignUserNamespace(rootDir, podUid, userNamespaceIds, this.#mountTimeoutMs),
    );
  }

  /** Returns the uids of the pods that have files on this node. */
  async listPods(): Promise<readonly string[]> {
    const folder = podsFolder(this.#options.rootDir);
    try {
      return await readdir(folder);
    } catch (error) {
      if (codeOf(error) === "ENOENT") return [];
      throw volumeError(folder, "cannot be read", { cause: error });
    }
  }

  /**
   * Unmounts and removes everything of a pod but its logs, from what is on disk and in the kernel's list of mounts. Its containers must be
   * stopped. Does nothing for a pod without files.
   */
  async remove(podUid: string): Promise<void> {
    const folder = podFolder(this.#options.rootDir, podUid);
    for (const [name, unmount] of this.#unmounts.get(podUid) ?? []) {
      await named(`volume ${JSON.stringify(name)}: plug-in`, async () => unmount());
      this.#unmounts.get(podUid)?.delete(name);
    }
    this.#unmounts.delete(podUid);
    await named(folder, async () => {
      // A mount that a killed process had begun may appear late.
      for (let attempt = 1; ; attempt++) {
        await this.#mounts.unmountWithin(folder);
        try {
          return await removeTree(folder);
        } catch (error) {
          if (attempt === removeAttempts || (await mountsAt(folder)) === 0) throw error;
        }
      }
    });
  }

  /** Removes the folders of a pod's logs, and the links to them. */
  async removeLogs(podUid: string): Promise<void> {
    const { podLogsDir, containerLogsDir } = this.#options;
    await named(podLogsDir, () => removePodLogs(podLogsDir, podUid, containerLogsDir));
  }

  get #mountTimeoutMs(): number {
    return this.#options.mountTimeoutMs ?? 30_000;
  }

  /** Returns the mounts whose host path differs from the planned one. */
  async #prepareSubPaths(
    pod: Pod,
    subPaths: PlannedContainer["files"]["subPaths"],
  ): Promise<ReadonlyMap<string, string>> {
    const replaced = new Map<string, string>();
    for (const { field, volumePath, subPath, hostPath } of subPaths)
      await named(field, async () => {
        const { handle, realPath } = await openSubPath(field, volumePath, subPath);
        try {
          if (this.#mayMount) return await bindSubPath(field, this.#mounts, handle, hostPath);
        } finally {
          await handle.close();
        }
        if (this.#options.withoutMounts !== "allow")
          throw volumeError(field, "needs a bind mount, and this process may not mount", {
            hint: 'Run as root with CAP_SYS_ADMIN, or pass `withoutMounts: "allow"` to resolve subPaths once',
          });
        replaced.set(hostPath, realPath);
        this.#notify(pod, `${field}: was resolved once, to ${realPath}, since this process may not mount`);
      });
    return replaced;
  }

  #contextOf(pod: Pod, plan: VolumePlan, signal: AbortSignal | undefined): VolumeContext {
    if (signal?.aborted) throw abortError(signal);
    return {
      what: `volume ${JSON.stringify(plan.name)}`,
      podFolder: podFolder(this.#options.rootDir, identityOf(pod).uid),
      mounts: this.#mounts,
      mayMount: this.#mayMount,
      withoutMounts: this.#options.withoutMounts ?? "refuse",
      fsGroup: pod.spec?.securityContext?.fsGroup,
      notice: (text) => this.#notify(pod, text),
    };
  }

  #notify(pod: Pod, text: string): void {
    this.#options.onNotice?.({ pod: identityOf(pod), text });
  }

  #keepUnmount(podUid: string, volumeName: string, unmount: UnmountVolume): void {
    const ofPod = this.#unmounts.get(podUid) ?? new Map<string, UnmountVolume>();
    this.#unmounts.set(podUid, ofPod.set(volumeName, unmount));
  }
}

const removeAttempts = 5;

async function mountsAt(folder: string): Promise<number> {
  const real = await realpath(folder).catch(() => folder);
  return mountsWithin(await readMountTable(), real).length;
}

function identityOf({ metadata }: Pod): PodIdentity {
  const { uid, namespace, name } = metadata ?? {};
  if (!uid || !namespace || !name)
    throw criError("invalid_spec", "metadata: the files of a pod need its uid, namespace and name");
  return { uid, namespace, name };
}
