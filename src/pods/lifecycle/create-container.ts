import type {
  ContainerConfig,
  Container as ListedContainer,
  PodSandboxConfig,
} from "../../../gen/runtime/v1/api_pb.js";
import { kubernetesLabels, OptionTable, option, raceAbort, withDeadline } from "../../core/index.js";
import { type EnsureImageOptions, type PullProgressOptions, pullTable } from "../../images/index.js";
import { containerKey } from "../clean-ups.js";
import { type ContainerSpec, checkContainerSpec, containerConfig } from "../config/index.js";
import type { PodContext } from "../context.js";
import type { ContainerFacts } from "../facts.js";
import { makeLogDirectory } from "../host-logs.js";
import { type OperationOptions, operationTable } from "../options.js";
import { ownedSpec } from "../owned-config.js";
import { isOrphanOf, nameReservedError, ownerKeys } from "../ownership.js";
import { ownProcessIdentity } from "../process-identity.js";
import type { Sandbox } from "../sandbox.js";
import { getLogPath } from "../status.js";
import { finishCall } from "./finish-call.js";
import { retryWhileBusy } from "./retry.js";
import { type Rollback, withRollback } from "./rollback.js";
import { startCreated } from "./start-container.js";
import { removeContainer } from "./stop-and-remove.js";

/** Options of creating a container. */
export interface CreateContainerOptions
  extends OperationOptions,
    PullProgressOptions,
    Pick<EnsureImageOptions, "auth"> {
  /**
   * Whether to accept a pod config that was reconstructed from the pod's status. It lacks the log directory, the cgroup parent and more,
   * see `pod.adopt()`.
   * @default false: rejects with `config_unknown`
   */
  readonly allowPartialConfig?: boolean | undefined;
}

const { onProgress, progressIntervalMs, stalledMs, onStalled, auth } = pullTable.checks;

/** The options of {@link CreateContainerOptions}. */
export const createContainerTable = new OptionTable<CreateContainerOptions>({
  ...operationTable.checks,
  onProgress,
  progressIntervalMs,
  stalledMs,
  onStalled,
  auth,
  allowPartialConfig: option.boolean,
});

type Annotations = Readonly<Record<string, string>>;
type BoundOptions = CreateContainerOptions & { readonly signal: AbortSignal };

/** Creates a container with its image and its log directory, without starting it. Rolls back when a step fails. */
export function createContainer(
  context: PodContext,
  sandbox: Sandbox,
  spec: ContainerSpec,
  options: CreateContainerOptions = {},
): Promise<ContainerFacts> {
  return withDeadline(
    options,
    (signal) =>
      rollingBack(context, sandbox, spec, signal, (rollback) =>
        createWithImage(context, sandbox, spec, ofThisProcess(), { ...options, signal }, rollback),
      ),
    context.closing,
  );
}

/** Creates a container and starts it. Removes it again when it cannot be started. */
export function runContainer(
  context: PodContext,
  sandbox: Sandbox,
  spec: ContainerSpec,
  options: CreateContainerOptions = {},
  annotations: Annotations = ofThisProcess(),
): Promise<ContainerFacts> {
  return withDeadline(
    options,
    (signal) =>
      rollingBack(context, sandbox, spec, signal, (rollback) =>
        createAndStart(context, sandbox, spec, { ...options, signal }, rollback, annotations),
      ),
    context.closing,
  );
}

/** Creates a container and starts it, as a part of an operation whose rollback removes it. */
export async function createAndStart(
  context: PodContext,
  sandbox: Sandbox,
  spec: ContainerSpec,
  options: BoundOptions,
  rollback: Rollback,
  annotations: Annotations = ofThisProcess(),
): Promise<ContainerFacts> {
  const facts = await createWithImage(context, sandbox, spec, annotations, options, rollback);
  await startCreated(context, facts, options.signal, rollback);
  return facts;
}

/** Runs the steps of an operation for one container, and rolls back when one fails. Throws `invalid_spec` before the first. */
async function rollingBack<T>(
  context: PodContext,
  { facts }: Sandbox,
  spec: ContainerSpec,
  signal: AbortSignal,
  steps: (rollback: Rollback) => Promise<T>,
): Promise<T> {
  checkContainerSpec(spec, facts);
  return withRollback(context, containerKey(facts.id, spec.name), signal, steps);
}

function ofThisProcess(): Annotations {
  return { [ownerKeys.process]: ownProcessIdentity() };
}

/** Creates a container with these annotations, which say by what it is owned. Pulls its images first. */
export async function createWithImage(
  context: PodContext,
  sandbox: Sandbox,
  spec: ContainerSpec,
  annotations: Annotations,
  options: BoundOptions,
  rollback: Rollback,
): Promise<ContainerFacts> {
  const { signal, allowPartialConfig } = options;
  const sandboxConfig = await sandbox.configForContainers(signal, allowPartialConfig);
  // Rejects an invalid spec before anything is pulled.
  containerConfig(spec, { pod: sandboxConfig });
  const owned = ownedSpec(context.owner, spec, annotations);
  const images = await ensureImages(context, owned, sandboxConfig, sandbox.facts.runtimeHandler, options);
  const config = containerConfig(owned, { pod: sandboxConfig, imageId: images.own });
  for (const { image } of config.mounts)
    if (image) image.image = images.mounted.get(image.image) ?? image.image;
  const { logDirectory } = sandboxConfig;
  const subdirectory = config.logPath.split("/").slice(0, -1);
  if (logDirectory && subdirectory.length > 0)
    await makeLogDirectory([logDirectory, ...subdirectory].join("/"));
  const id = await createOnce(context, sandbox.facts.id, config, sandboxConfig, signal, rollback);
  return {
    id,
    name: config.metadata?.name ?? "",
    attempt: config.metadata?.attempt ?? 0,
    image: spec.image,
    labels: config.labels,
    annotations: config.annotations,
    spec,
    // Without a path in the config, CRI-O chooses one, which its status names.
    logPath: logDirectory && config.logPath ? `${logDirectory}/${config.logPath}` : undefined,
  };
}

interface ContainerImages {
  /** The id of the container's image. */
  readonly own: string;
  /** The ids of mounted images by name. Short names do not work in mounts: containerd resolves none there, CRI-O only some. */
  readonly mounted: ReadonlyMap<string, string>;
}

/** Ensures that the images of a container and of its mounts are on the node. */
async function ensureImages(
  { images }: PodContext,
  { image, pullPolicy, mounts = [] }: ContainerSpec,
  sandboxConfig: PodSandboxConfig,
  runtimeHandler: string,
  options: CreateContainerOptions,
): Promise<ContainerImages> {
  const { signal, auth, onProgress, progressIntervalMs, stalledMs, onStalled } = options;
  const progress = { onProgress, progressIntervalMs, stalledMs, onStalled };
  const shared = { sandboxConfig, runtimeHandler, signal, auth, ...progress };
  const mounted = new Map<string, string>();
  for (const mount of mounts)
    if (mount.image !== undefined) mounted.set(mount.image, (await images.ensure(mount.image, shared)).id);
  const { id } = await images.ensure(image, { ...shared, policy: pullPolicy });
  // Every runtime finds an image by the bare hex digits.
  return { own: id.replace(/^sha256:/, ""), mounted };
}

/**
 * Calls CreateContainer if no container has the name and attempt. Removes an orphan of this owner first; throws `name_reserved` for any
 * other container, since CRI-O would return its id as if it had created it.
 */
async function createOnce(
  context: PodContext,
  podSandboxId: string,
  config: ContainerConfig,
  sandboxConfig: PodSandboxConfig,
  signal: AbortSignal,
  rollback: Rollback,
): Promise<string> {
  const { runtime, owner, endpoint } = context;
  const { name = "", attempt } = config.metadata ?? {};
  await context.cleanUps.settled(containerKey(podSandboxId, name), signal);
  const withSameIdentity = async (bound: AbortSignal) =>
    (await containersNamed(context, podSandboxId, name, bound)).filter(
      ({ metadata }) => metadata?.attempt === attempt,
    );
  for (const existing of await withSameIdentity(signal)) {
    if (!isOrphanOf(owner, existing))
      throw nameReservedError(
        endpoint,
        `container ${name}: a container of this name and attempt exists in the pod`,
        existing.id,
        "CreateContainer",
      );
    const logPath = await getLogPath(context, existing.id, { signal });
    await removeContainer(context, existing.id, logPath, { signal });
  }
  const creation = finishCall(context, "CreateContainer", signal, (call) =>
    runtime.createContainer({ podSandboxId, config, sandboxConfig }, { signal: call }),
  );
  try {
    return (await creation.response).containerId;
  } catch (error) {
    // A container of `ensure` belongs to no process, and the next attempt finds it.
    if (config.annotations[ownerKeys.process] === undefined) throw error;
    rollback.addFailedCall({
      object: { kind: "container", name },
      error,
      delaysMs: [100, 300],
      removeFound: async (stop) => {
        await raceAbort(creation.ended, stop);
        const found = await retryWhileBusy((bounds) => withSameIdentity(bounds.signal), stop);
        for (const { id, annotations } of found)
          if (annotations[ownerKeys.process] === ownProcessIdentity())
            await removeContainer(context, id, undefined, { signal: stop });
        return found.length > 0;
      },
    });
    throw error;
  }
}

/** Lists all containers of this name in a pod, of every attempt. */
export async function containersNamed(
  { lists }: PodContext,
  podSandboxId: string,
  name: string,
  signal: AbortSignal,
): Promise<ListedContainer[]> {
  const labelSelector = { [kubernetesLabels.containerName]: name };
  return await lists.containers({ podSandboxId, labelSelector }, { signal }).collect();
}
