import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { ContainerState, type PodSandboxConfig } from "../../../gen/runtime/v1/api_pb.js";
import { codeOf, messageOf, rawMessageOf } from "../../core/index.js";
import type { Container } from "../api/index.js";
import type { ImageFacts, PodInputs } from "../config/pod-inputs.js";
import type { DefaultedPod } from "../defaults/index.js";
import { StartError, type WaitingReason } from "../start-error.js";
import { hasChanged } from "./container-kills.js";
import type { ObservedContainer, ObservedPod } from "./observed.js";
import { newestInstance, nextRestartCount, podContainers } from "./pod-containers.js";
import type { EventRecorder, PodWorkerParts } from "./ports.js";
import { resizableContainersOf, resourcesToActuate } from "./resize.js";

/** The pod that containers are started in. */
export interface RunningPod {
  readonly pod: DefaultedPod;
  readonly sandboxId: string;
  readonly sandbox: PodSandboxConfig;
  readonly observed: ObservedPod;
  readonly podIPs: readonly string[];
  /** The inputs of configs but those of containers and images. */
  readonly inputs: PodInputs;
  /** The images of volumes, by their reference. */
  readonly volumeImages: Readonly<Record<string, ImageFacts>>;
}

/** What starting a container needs. */
export interface StartParts
  extends Pick<PodWorkerParts, "runtime" | "images" | "files" | "hooks" | "planner" | "resizing"> {
  readonly record: EventRecorder;
  /** Stops a container with its own grace period. */
  readonly kill: (target: {
    readonly id: string;
    readonly name: string;
    readonly message: string;
  }) => Promise<void>;
}

/**
 * Starts a container: image, config, CreateContainer, StartContainer, link of the log, postStart hook. An instance that was created
 * and not started, by this process or an earlier one, is started instead of a second one. Rejects with a {@link StartError}, and with
 * the signal's reason. The signal ends the pull and the hook, and no call to the runtime: what a call creates is always known.
 */
export async function startContainer(
  running: RunningPod,
  container: Container,
  parts: StartParts,
  signal: AbortSignal,
): Promise<void> {
  const { pod, podIPs } = running;
  const { name } = container;
  const record: EventRecorder = (event) => parts.record({ container: name, ...event });
  const fail = (error: unknown, waitingReason: WaitingReason): StartError => {
    const failure = startErrorOf(error, waitingReason);
    record({ type: "Warning", reason: "Failed", message: `Error: ${eventText(failure)}` });
    return failure;
  };
  const created = unstartedInstance(running, container);
  const instance = created ?? (await createInstance(running, container, parts, { record, fail, signal }));
  try {
    await parts.runtime.startContainer({ containerId: instance.id });
  } catch (error) {
    // The response was lost, or a call of a process that died has started it.
    if (!(await isRunning(parts.runtime, instance.id))) throw fail(error, "RunContainerError");
  }
  record({ type: "Normal", reason: "Started", message: "Container started" });
  try {
    await parts.files.linkLog(pod, name, instance.id, instance.logPath);
  } catch (error) {
    // The link is for other programs; the container runs without it.
    record({ type: "Warning", reason: "FailedLogLink", message: messageOf(error) });
  }

  const postStart = container.lifecycle?.postStart;
  if (!postStart) return;
  try {
    await parts.hooks.run(
      postStart,
      { pod, container, containerId: instance.id, podIPs },
      { signal, record: parts.record },
    );
  } catch (error) {
    signal.throwIfAborted();
    // The error may have output of the command, which may be secret: it belongs to the status, not to events.
    record({ type: "Warning", reason: "FailedPostStartHook", message: "PostStartHook failed" });
    await parts.kill({ name, id: instance.id, message: "FailedPostStartHook" });
    throw startErrorOf(error, "PostStartHookError");
  }
}

async function isRunning(runtime: StartParts["runtime"], containerId: string): Promise<boolean> {
  try {
    const { status } = await runtime.containerStatus({ containerId });
    return status?.state === ContainerState.CONTAINER_RUNNING;
  } catch {
    // The error of the start is the more helpful one.
    return false;
  }
}

/** An instance of a container, and its log. */
interface Instance {
  readonly id: string;
  readonly logPath: string;
}

/** Returns an instance whose start is due: it belongs to this sandbox and to this version of the container. */
function unstartedInstance(
  { observed, sandboxId }: RunningPod,
  container: Container,
): ObservedContainer | undefined {
  const newest = newestInstance(observed, container.name);
  const isUsable =
    newest?.state === "created" && newest.sandboxId === sandboxId && !hasChanged(container, newest);
  return isUsable ? newest : undefined;
}

async function createInstance(
  running: RunningPod,
  container: Container,
  parts: StartParts,
  context: {
    readonly record: EventRecorder;
    readonly fail: (error: unknown, waitingReason: WaitingReason) => StartError;
    readonly signal: AbortSignal;
  },
): Promise<Instance> {
  const { pod, sandbox, sandboxId } = running;
  const { record, fail, signal } = context;
  const { name, image = "", imagePullPolicy } = container;
  let facts: ImageFacts;
  try {
    const request = { pod, container: name, image, pullPolicy: policyOf(imagePullPolicy), sandbox };
    facts = await parts.images.ensure(request, { signal, record });
  } catch (error) {
    signal.throwIfAborted();
    throw fail(error, "ErrImagePull");
  }
  let config: Awaited<ReturnType<StartParts["files"]["prepareContainer"]>>["config"];
  try {
    const planned = parts.planner.container(pod, name, await inputsOf(running, container, facts));
    const prepared = await parts.files.prepareContainer(pod, planned, signal);
    for (const message of prepared.notices) record({ type: "Warning", reason: "Notice", message });
    config = prepared.config;
  } catch (error) {
    signal.throwIfAborted();
    throw fail(error, "CreateContainerConfigError");
  }
  let id: string;
  try {
    if (isResizable(pod, name))
      await parts.resizing?.setActuated(pod.metadata.uid, name, resourcesToActuate(pod, container));
    const request = { podSandboxId: sandboxId, config, sandboxConfig: sandbox };
    id = (await parts.runtime.createContainer(request)).containerId;
  } catch (error) {
    throw fail(error, "CreateContainerError");
  }
  record({ type: "Normal", reason: "Created", message: "Container created" });
  return { id, logPath: join(sandbox.logDirectory, config.logPath) };
}

function isResizable(pod: DefaultedPod, name: string): boolean {
  return resizableContainersOf(pod).some((container) => container.name === name);
}

function policyOf(policy: string | undefined): "Always" | "IfNotPresent" | "Never" {
  return policy === "Always" || policy === "Never" ? policy : "IfNotPresent";
}

/** Returns the inputs for the config of one container: its restarts, the ids of the others, and its image. */
async function inputsOf(
  { pod, observed, inputs, sandbox, volumeImages }: RunningPod,
  container: Container,
  facts: ImageFacts,
): Promise<PodInputs> {
  const { name, image = "" } = container;
  const restartCount =
    nextRestartCount(observed, name) ?? (await restartCountOfLogs(join(sandbox.logDirectory, name)));
  const others = podContainers(pod).flatMap((other) => {
    const newest = newestInstance(observed, other.container.name);
    const given = inputs.containers?.[other.container.name];
    return newest ? [[other.container.name, { ...given, id: newest.id }] as const] : [];
  });
  return {
    ...inputs,
    images: { ...volumeImages, [image]: facts },
    containers: { ...Object.fromEntries(others), [name]: { ...inputs.containers?.[name], restartCount } },
  };
}

/** Returns the restart count that follows the logs in a folder, for a runtime that has lost its containers: 0 without logs. */
async function restartCountOfLogs(folder: string): Promise<number> {
  let names: readonly string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return 0;
    throw error;
  }
  const counts = names.flatMap((name) => /^(\d{1,9})\.log(\..*)?$/.exec(name)?.[1] ?? []);
  return counts.length === 0 ? 0 : Math.max(...counts.map(Number)) + 1;
}

/** Returns the error as a {@link StartError}, by default with this reason. */
export function startErrorOf(error: unknown, waitingReason: WaitingReason): StartError {
  if (error instanceof StartError) return error;
  return new StartError(waitingReason, rawMessageOf(error), { cause: error });
}

/** What the event `Failed` shows: reasons of pulls stand for their message, as an event `Failed` before has it. */
function eventText({ waitingReason, rawMessage }: StartError): string {
  return imageReasons.has(waitingReason) ? waitingReason : rawMessage;
}

const imageReasons: ReadonlySet<WaitingReason> = new Set<WaitingReason>([
  "ErrImagePull",
  "ImagePullBackOff",
  "ErrImageNeverPull",
  "ImageInspectError",
  "InvalidImageName",
  "RegistryUnavailable",
  "SignatureValidationFailed",
]);
