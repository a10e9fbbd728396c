import type {
  ContainerConfig,
  Container as ListedContainer,
  PodSandboxConfig,
} from "../../../gen/runtime/v1/api_pb.js";
import { bounded, type CriError, isCriError, kubernetesLabels } from "../../core/index.js";
import type { EnsureImageOptions, WatchOptions } from "../../images/index.js";
import { type ContainerSpec, containerConfig } from "../config/index.js";
import { Container } from "../container.js";
import { makeLogDirectory } from "../host-files.js";
import type { PodKit } from "../kit.js";
import { ownerKeys, thisProcess } from "../owner.js";
import type { Pod } from "../pod.js";
import { logPathOf } from "./container-logs.js";
import { afterLostAnswer } from "./lost-answer.js";
import { isOwnOrphan, nameReserved } from "./own-things.js";
import { removeContainer } from "./remove.js";
import type { StepsOptions } from "./run-pod.js";
import { outcomeUnknown, Undo } from "./undo.js";

/** How a container is made. */
export interface CreateContainerOptions extends StepsOptions, WatchOptions, Pick<EnsureImageOptions, "auth"> {
  /**
   * Whether a config that was put together from the pod's status is good enough. It lacks the log directory, the cgroup parent
   * and more; see `pod.adopt()`.
   * @default false: `config_unknown`
   */
  readonly allowPartialConfig?: boolean | undefined;
}

/** Creates a container, its image and its log folder included, and does not start it. Undoes itself when it fails. */
export function createContainer(
  kit: PodKit,
  pod: Pod,
  spec: ContainerSpec,
  options: CreateContainerOptions = {},
): Promise<Container> {
  const annotations = { [ownerKeys.process]: thisProcess() };
  return bounded(options, (signal) => create(kit, pod, spec, annotations, { ...options, signal }));
}

/** Creates a container and starts it. When it cannot be started it is removed again. */
export function runContainer(
  kit: PodKit,
  pod: Pod,
  spec: ContainerSpec,
  options: CreateContainerOptions = {},
  annotations: Readonly<Record<string, string>> = { [ownerKeys.process]: thisProcess() },
): Promise<Container> {
  return bounded(options, async (signal) => {
    const container = await create(kit, pod, spec, annotations, { ...options, signal });
    await startOrUndo(container, signal);
    return container;
  });
}

/** Starts a new container; when that fails, removes it, unless the failure says that it is not ours to remove. */
export async function startOrUndo(
  container: Container,
  signal: AbortSignal,
  leave: (error: CriError) => boolean = () => false,
): Promise<void> {
  const undo = new Undo();
  undo.did({ kind: "container", id: container.id, name: container.name }, (inTime) =>
    container.remove({ signal: inTime }),
  );
  try {
    await container.start({ signal });
  } catch (error) {
    if (isCriError(error) && leave(error)) throw error;
    throw await undo.because(error);
  }
}

/** Makes a container with the annotations that say how long it lives. */
export async function create(
  kit: PodKit,
  pod: Pod,
  spec: ContainerSpec,
  annotations: Readonly<Record<string, string>>,
  options: CreateContainerOptions & { readonly signal: AbortSignal },
): Promise<Container> {
  const { signal } = options;
  const sandboxConfig = await pod.configForContainers(options);
  const owned: ContainerSpec = {
    ...spec,
    labels: { ...spec.labels, [ownerKeys.owner]: kit.owner },
    annotations: { ...spec.annotations, ...annotations },
  };
  // What is wrong with the spec shows before anything is pulled.
  containerConfig(owned, { pod: sandboxConfig });
  const images = await ensureImages(kit, owned, sandboxConfig, pod.runtimeHandler, options);
  const config = containerConfig(owned, { pod: sandboxConfig, imageId: images.own });
  for (const { image } of config.mounts)
    if (image) image.image = images.mounted.get(image.image) ?? image.image;
  const { logDirectory } = sandboxConfig;
  const folder = config.logPath.split("/").slice(0, -1);
  if (logDirectory && folder.length > 0) await makeLogDirectory([logDirectory, ...folder].join("/"));
  const containerId = await createOnce(kit, pod, config, sandboxConfig, signal);
  return new Container(kit, pod, {
    id: containerId,
    name: config.metadata?.name ?? "",
    attempt: config.metadata?.attempt ?? 0,
    image: spec.image,
    labels: config.labels,
    annotations: config.annotations,
    spec,
    logPath: logDirectory && config.logPath ? `${logDirectory}/${config.logPath}` : "",
  });
}

interface ImagesOfContainer {
  /** The id of the container's own, as CreateContainer takes it. */
  readonly own: string;
  /** The ids of those that it mounts, by their names, as the runtime tells them: containerd finds no short name there, CRI-O none. */
  readonly mounted: ReadonlyMap<string, string>;
}

/** The images of a container and of its mounts, on the node. */
async function ensureImages(
  kit: PodKit,
  { image, pullPolicy, mounts = [] }: ContainerSpec,
  sandboxConfig: PodSandboxConfig,
  runtimeHandler: string,
  options: CreateContainerOptions,
): Promise<ImagesOfContainer> {
  const { signal, auth, onProgress, progressIntervalMs, stalledMs, onStalled } = options;
  const watch = { onProgress, progressIntervalMs, stalledMs, onStalled };
  const shared = { sandboxConfig, runtimeHandler, signal, auth, ...watch };
  const mounted = new Map<string, string>();
  for (const mount of mounts)
    if (mount.image !== undefined)
      mounted.set(mount.image, (await kit.images.ensure(mount.image, shared)).id);
  const { id } = await kit.images.ensure(image, { ...shared, policy: pullPolicy });
  // The bare hex digits are what every runtime finds an image by.
  return { own: id.replace(/^sha256:/, ""), mounted };
}

/**
 * CreateContainer, where the name is free. What a dead process of ours left under it goes; what is alive stays, and is told of:
 * CRI-O would answer with its id, as if it had made what was asked for.
 */
async function createOnce(
  kit: PodKit,
  { id: podSandboxId }: Pod,
  config: ContainerConfig,
  sandboxConfig: PodSandboxConfig,
  signal: AbortSignal,
): Promise<string> {
  const request = { podSandboxId, config, sandboxConfig };
  const sameName = (bound: AbortSignal) =>
    containersNamed(kit, podSandboxId, config.metadata?.name ?? "", bound);
  const isAttempt = ({ metadata }: ListedContainer) => metadata?.attempt === config.metadata?.attempt;
  for (const one of (await sameName(signal)).filter(isAttempt)) {
    if (!isOwnOrphan(kit, one))
      throw nameReserved(
        kit,
        `a container ${one.metadata?.name} with this attempt exists in the pod`,
        one.id,
        "CreateContainer",
      );
    const logPath = await logPathOf(kit.runtime, one.id, signal);
    await removeContainer(kit.runtime, one.id, logPath, { signal });
  }
  try {
    return (await kit.runtime.createContainer(request, { signal })).containerId;
  } catch (error) {
    if (!outcomeUnknown(error)) throw error;
    const what = { kind: "container", name: config.metadata?.name ?? "" } as const;
    throw await afterLostAnswer(error, what, [0, 100, 300], async (inTime) => {
      const found = (await sameName(inTime)).filter(isAttempt);
      for (const { id, annotations } of found)
        if (annotations[ownerKeys.process] === thisProcess())
          await removeContainer(kit.runtime, id, undefined, { signal: inTime });
      return found.length > 0;
    });
  }
}

/** All containers of this name in a pod, of every attempt. */
export async function containersNamed(
  kit: PodKit,
  podSandboxId: string,
  name: string,
  signal: AbortSignal,
): Promise<ListedContainer[]> {
  const labelSelector = { [kubernetesLabels.containerName]: name };
  return await kit.lists.containers({ podSandboxId, labelSelector }, { signal }).collect();
}
