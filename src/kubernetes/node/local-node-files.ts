import { readdir, realpath } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import {
  abortError,
  checkArgument,
  codeOf,
  criError,
  isKeyed,
  type OptionCheck,
  OptionTable,
  option,
} from "../../core/index.js";
import type { Pod } from "../api/index.js";
import { checkStringArgument, keyed } from "../argument-checks.js";
import type { SubPathPlan } from "../config/container-files.js";
import { containerLogLinkName } from "../config/log-links.js";
import type { PlannedContainer } from "../config/pod-configs.js";
import type { VolumePlan } from "../config/volume-plans.js";
import { volumeFailure } from "../volume-failure.js";
import { createTerminationLog, readTerminationLog, writeHostsFile } from "./container-files.js";
import { ensureFolder } from "./folders.js";
import { createLogLink, ensureLogFolder, removeLogLink, removePodLogs } from "./log-folders.js";
import { isWithin, mountsWithin, readMountTable } from "./mount-table.js";
import { Mounts, mayMount } from "./mounts.js";
import type { NodeFiles, PreparedContainer, PreparedPod } from "./node-files.js";
import { podFolder, podLogFolder, podsFolder, podVolumeFolders } from "./pod-paths.js";
import { checkPropagation } from "./propagation.js";
import { readVolumeFile } from "./read-volume-file.js";
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

/** Options of {@link LocalNodeFiles}. */
export interface LocalNodeFilesOptions {
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
   * runtime mount another path of the node. Each case is a notice.
   * @default "refuse"
   */
  readonly withoutMounts?: "refuse" | "allow" | undefined;
  /** The ids for pods with `hostUsers: false`. @default all from 65,536 on */
  readonly userNamespaceIds?: UserNamespaceIds | undefined;
  /** The timeout of one mount, in milliseconds. @default 30_000 */
  readonly mountTimeoutMs?: number | undefined;
}

/** The options of {@link LocalNodeFilesOptions}. */
export const localNodeFilesTable = new OptionTable<LocalNodeFilesOptions>({
  rootDir: option.required(option.absolutePath),
  podLogsDir: option.required(option.absolutePath),
  containerLogsDir: option.absolutePath,
  plugins: option.nested(volumePluginsTable),
  withoutMounts: (value) =>
    value === "refuse" || value === "allow" ? undefined : 'must be "refuse" or "allow"',
  userNamespaceIds: option.nested(
    new OptionTable<UserNamespaceIds>({
      firstHostId: option.required((value: number) =>
        Number.isSafeInteger(value) && value >= idsPerPod && value % idsPerPod === 0
          ? undefined
          : `must be a multiple of ${idsPerPod}, at least that`,
      ),
      pods: option.required(option.wholeNumber(1, Number.MAX_SAFE_INTEGER)),
    }),
  ),
  mountTimeoutMs: option.timerMs,
});

const plannedCheck: OptionCheck<object> = (value: unknown) =>
  isKeyed(value) && typeof value.name === "string" && isKeyed(value.config) && isKeyed(value.files)
    ? undefined
    : "must be what `planContainer()` returns";
const instanceCheck: OptionCheck<object> = (value: unknown) =>
  isKeyed(value) && typeof value.name === "string" && typeof value.id === "string"
    ? undefined
    : "must have the name and the id of the container, as strings";
const volumeCheck: OptionCheck<object> = (value: unknown) =>
  isKeyed(value) && typeof value.name === "string" && typeof value.hostPath === "string"
    ? undefined
    : "must be a volume of `volumePlans()`";

function checkVolumes(method: string, pod: Pod, volumes: readonly VolumePlan[]): void {
  checkArgument(`LocalNodeFiles.${method}`, "pod", pod, keyed);
  checkArgument(`LocalNodeFiles.${method}`, "volumes", volumes, option.listOf(volumeCheck));
}

/**
 * The volumes, files and logs of pods on the node of this process, in the kubelet's layout.
 *
 * Mounting needs CAP_SYS_ADMIN and the programs of util-linux, and the runtime must be in the mount namespace of this process.
 */
export class LocalNodeFiles implements NodeFiles {
  readonly #options: LocalNodeFilesOptions;
  readonly #mounts: Mounts;
  readonly #mayMount = mayMount();
  /** What the plug-ins returned, by the uid of the pod and the name of the volume. */
  readonly #unmounts = new Map<string, Map<string, UnmountVolume>>();

  /** Throws a CriError with the reason `invalid_option` for options that are not valid; nothing is created yet. */
  constructor(options: LocalNodeFilesOptions) {
    localNodeFilesTable.check("LocalNodeFiles", options);
    this.#options = options;
    this.#mounts = new Mounts(this.#mountTimeoutMs);
  }

  async preparePod(pod: Pod, volumes: readonly VolumePlan[], signal?: AbortSignal): Promise<PreparedPod> {
    checkVolumes("preparePod", pod, volumes);
    const identity = identityOf(pod);
    const folder = podFolder(this.#options.rootDir, identity.uid);
    await named(folder, () => ensureFolder(folder));
    const logs = this.#logFolder(pod);
    await named(logs, () => ensureLogFolder(logs));
    return await this.#eachVolume(pod, volumes, signal, async (plan, context) => {
      const unmount = await prepareVolume(plan, pod, context, this.#options.plugins ?? {}, signal);
      if (unmount) this.#keepUnmount(identity.uid, plan.name, unmount);
    });
  }

  async updateVolumes(pod: Pod, volumes: readonly VolumePlan[], signal?: AbortSignal): Promise<PreparedPod> {
    checkVolumes("updateVolumes", pod, volumes);
    return await this.#eachVolume(pod, volumes, signal, async (plan, context) => {
      if (plan.kind === "files") await writeFilesVolume(plan, context);
    });
  }

  async prepareContainer(
    pod: Pod,
    container: Pick<PlannedContainer, "config" | "files" | "name">,
    signal?: AbortSignal,
  ): Promise<PreparedContainer> {
    checkArgument("LocalNodeFiles.prepareContainer", "pod", pod, keyed);
    checkArgument("LocalNodeFiles.prepareContainer", "container", container, plannedCheck);
    const { config, files, name } = container;
    const what = `container ${JSON.stringify(name)}`;
    if (config.logPath !== "") {
      const folder = dirname(join(this.#logFolder(pod), config.logPath));
      await named(`${what}: ${folder}`, () => ensureLogFolder(folder));
    }
    const { hosts, terminationLog } = files;
    if (hosts) await named(`${what}: /etc/hosts`, () => writeHostsFile(hosts.hostPath, hosts.content));
    if (terminationLog !== undefined)
      await named(`${what}: terminationMessagePath`, () => createTerminationLog(terminationLog));
    const notices: string[] = [];
    const replaced = new Map<string, string>();
    for (const plan of files.subPaths) {
      if (signal?.aborted) throw abortError(signal);
      const realPath = await named(plan.field, () => this.#prepareSubPath(plan));
      if (realPath === undefined) continue;
      replaced.set(plan.hostPath, realPath);
      notices.push(`${plan.field}: was resolved once, to ${realPath}, since this process may not mount`);
    }
    const mounts = config.mounts.map((mount) => {
      const hostPath = replaced.get(mount.hostPath);
      return hostPath === undefined ? mount : { ...mount, hostPath };
    });
    await checkPropagation(what, mounts);
    return { config: { ...config, mounts }, notices };
  }

  async linkLog(pod: Pod, containerName: string, containerId: string, logPath: string): Promise<void> {
    checkArgument("LocalNodeFiles.linkLog", "pod", pod, keyed);
    checkStringArgument("LocalNodeFiles.linkLog", "logPath", logPath);
    const { containerLogsDir } = this.#options;
    if (containerLogsDir === undefined) return;
    const name = containerLogLinkName(identityOf(pod), containerName, containerId);
    await named(containerLogsDir, () => createLogLink(containerLogsDir, name, logPath));
  }

  async removeContainer(
    pod: Pod,
    container: {
      readonly name: string;
      readonly id: string;
      readonly terminationMessageHostPath?: string | undefined;
    },
  ): Promise<void> {
    checkArgument("LocalNodeFiles.removeContainer", "pod", pod, keyed);
    checkArgument("LocalNodeFiles.removeContainer", "container", container, instanceCheck);
    const { containerLogsDir, rootDir } = this.#options;
    const identity = identityOf(pod);
    const { terminationMessageHostPath: message } = container;
    // The runtime reports the path: other paths are not removed.
    if (
      message === resolve(message ?? "") &&
      isWithin(message, join(podFolder(rootDir, identity.uid), "containers"))
    )
      await named(message, () => removeTree(message));
    if (containerLogsDir === undefined) return;
    const name = containerLogLinkName(identity, container.name, container.id);
    await named(containerLogsDir, () => removeLogLink(containerLogsDir, name));
  }

  async readTerminationMessage(hostPath: string): Promise<string> {
    checkStringArgument("LocalNodeFiles.readTerminationMessage", "hostPath", hostPath);
    return await named(hostPath, () => readTerminationLog(hostPath));
  }

  /**
   * Returns the text of a file in a volume of this node, for `PodInputs.readVolumeFile`; undefined where it does not exist. Links are
   * followed as long as they stay in the volume. Throws for other files, and for files of more than 1 MiB.
   */
  readVolumeFile(volume: Pick<VolumePlan, "name" | "hostPath">, path: string): string | undefined {
    checkArgument("LocalNodeFiles.readVolumeFile", "volume", volume, volumeCheck);
    checkStringArgument("LocalNodeFiles.readVolumeFile", "path", path);
    const { name, hostPath } = volume;
    return readVolumeFile(`volume ${JSON.stringify(name)}`, hostPath, path);
  }

  async userNamespaceHostId(podUid: string, signal?: AbortSignal): Promise<number> {
    checkStringArgument("LocalNodeFiles.userNamespaceHostId", "podUid", podUid);
    if (signal?.aborted) throw abortError(signal);
    const { rootDir, userNamespaceIds = defaultUserNamespaceIds } = this.#options;
    return await named("hostUsers", () =>
      assignUserNamespace(rootDir, podUid, userNamespaceIds, this.#mountTimeoutMs),
    );
  }

  async listPods(): Promise<readonly string[]> {
    const folder = podsFolder(this.#options.rootDir);
    try {
      return await readdir(folder);
    } catch (error) {
      if (codeOf(error) === "ENOENT") return [];
      throw volumeError(folder, "cannot be read", { cause: error });
    }
  }

  async releaseVolumes(podUid: string, signal?: AbortSignal): Promise<void> {
    checkStringArgument("LocalNodeFiles.releaseVolumes", "podUid", podUid);
    await this.#unmountPlugins(podUid);
    for (const folder of podVolumeFolders(this.#options.rootDir, podUid))
      await this.#removeFolder(folder, signal);
  }

  async removePod(podUid: string, signal?: AbortSignal): Promise<void> {
    checkStringArgument("LocalNodeFiles.removePod", "podUid", podUid);
    await this.#unmountPlugins(podUid);
    await this.#removeFolder(podFolder(this.#options.rootDir, podUid), signal);
  }

  async removeLogs(podUid: string): Promise<void> {
    checkStringArgument("LocalNodeFiles.removeLogs", "podUid", podUid);
    const { podLogsDir, containerLogsDir } = this.#options;
    await named(podLogsDir, () => removePodLogs(podLogsDir, podUid, containerLogsDir));
  }

  async #unmountPlugins(podUid: string): Promise<void> {
    for (const [name, unmount] of this.#unmounts.get(podUid) ?? []) {
      await named(`volume ${JSON.stringify(name)}: plug-in`, async () => unmount());
      this.#unmounts.get(podUid)?.delete(name);
    }
    this.#unmounts.delete(podUid);
  }

  /** Removes a folder after everything in it was unmounted. */
  async #removeFolder(folder: string, signal: AbortSignal | undefined): Promise<void> {
    await named(folder, async () => {
      // A mount that a killed process had begun may appear late.
      for (let attempt = 1; ; attempt++) {
        if (signal?.aborted) throw abortError(signal);
        await this.#mounts.unmountWithin(folder);
        try {
          return await removeTree(folder);
        } catch (error) {
          if (attempt === removeAttempts || (await mountsAt(folder)) === 0) throw error;
        }
      }
    });
  }

  get #mountTimeoutMs(): number {
    return this.#options.mountTimeoutMs ?? 30_000;
  }

  /** Binds a part of a volume. Without mounts: returns its real path instead. */
  async #prepareSubPath({ field, volumePath, subPath, hostPath }: SubPathPlan): Promise<string | undefined> {
    const { handle, realPath } = await openSubPath(field, volumePath, subPath);
    try {
      if (this.#mayMount) {
        await bindSubPath(field, this.#mounts, handle, hostPath);
        return undefined;
      }
    } finally {
      await handle.close();
    }
    if (this.#options.withoutMounts === "allow") return realPath;
    throw volumeError(field, "needs a bind mount, and this process may not mount", {
      hint: 'Run as root with CAP_SYS_ADMIN, or pass `withoutMounts: "allow"` to resolve subPaths once',
    });
  }

  async #eachVolume(
    pod: Pod,
    volumes: readonly VolumePlan[],
    signal: AbortSignal | undefined,
    work: (plan: VolumePlan, context: VolumeContext) => Promise<void>,
  ): Promise<PreparedPod> {
    const notices: string[] = [];
    for (const plan of volumes) {
      if (signal?.aborted) throw abortError(signal);
      const context: VolumeContext = {
        what: volumeFailure(plan.name),
        podFolder: podFolder(this.#options.rootDir, identityOf(pod).uid),
        mounts: this.#mounts,
        mayMount: this.#mayMount,
        withoutMounts: this.#options.withoutMounts ?? "refuse",
        fsGroup: pod.spec?.securityContext?.fsGroup,
        notice: (text) => void notices.push(`volume ${JSON.stringify(plan.name)}: ${text}`),
      };
      await named(context.what, () => work(plan, context));
    }
    return { notices };
  }

  #logFolder(pod: Pod): string {
    return podLogFolder(this.#options.podLogsDir, identityOf(pod));
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
