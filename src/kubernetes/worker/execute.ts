import type { PodSandboxConfig } from "../../../gen/runtime/v1/api_pb.js";
import { isCriError, rawMessageOf } from "../../core/index.js";
import type { Pod } from "../api/index.js";
import type { PodPlan } from "../config/pod-configs.js";
import type { ImageFacts, PodInputs } from "../config/pod-inputs.js";
import type { DefaultedPod } from "../defaults/index.js";
import { StartError } from "../start-error.js";
import type { PodActions } from "./actions.js";
import { applyResizes } from "./apply-resizes.js";
import { decideRestart, type RestartBackOff } from "./back-off.js";
import type { ContainerKill } from "./container-kills.js";
import { killGraceSeconds } from "./grace.js";
import { killContainer } from "./kill-container.js";
import { killPod } from "./kill-pod.js";
import { observePod } from "./observe.js";
import type { ObservedPod, ObservedSandbox } from "./observed.js";
import { activeSandbox, findContainer } from "./pod-containers.js";
import type { EventRecorder, PodWorkerParts } from "./ports.js";
import { removeInstances } from "./prune.js";
import { resizeMessage } from "./resize.js";
import { type RunningPod, type StartParts, startContainer, startErrorOf } from "./start-container.js";
import { terminationPlan } from "./termination.js";

/** What a worker remembers of its pod between two syncs. Everything else is in the runtime. */
export interface PodMemory {
  readonly backOff: RestartBackOff;
  readonly preStopStarted: Set<string>;
  /** Why the last start of a container failed, by its name. */
  readonly waiting: Map<string, { readonly reason: string; readonly message: string }>;
  /** By the name of a container: the instance whose back-off the event `BackOff` reported. */
  readonly backOffReported: Map<string, string>;
  /** Why the last resize failed, and of which generation it was; undefined after a success. */
  resizeFailure: { readonly message: string; readonly generation: number | undefined } | undefined;
  /** Whether the volumes have to be prepared, or written again, before the next start. */
  volumes: "unprepared" | "outdated" | "current";
}

/** What one execution did. */
export interface ExecutionResult {
  /** Whether anything changed in the runtime. */
  readonly isChanged: boolean;
  /** Whether something failed and is tried again later. */
  readonly hasFailed: boolean;
  /** The earliest end of a back-off, in milliseconds since 1970. */
  readonly retryAtMs: number | undefined;
}

/** The input of {@link executeActions}. */
export interface Execution {
  readonly pod: DefaultedPod;
  readonly observed: ObservedPod;
  readonly actions: PodActions;
  readonly inputs: Omit<PodInputs, "podIPs" | "sandboxAttempt" | "images">;
  readonly memory: PodMemory;
  readonly parts: PodWorkerParts & { readonly record: EventRecorder };
  /** Fires when the pod is to be stopped. */
  readonly signal: AbortSignal;
}

/**
 * Executes the actions of one sync in the kubelet's order: kill, remove, volumes, sandbox, images of volumes, ephemeral, init and regular
 * containers. Rejects when a step fails that all later ones need, with a {@link StartError} if an event reported it; failures of single
 * containers are reported in the result.
 */
export async function executeActions(execution: Execution): Promise<ExecutionResult> {
  return new PodExecution(execution).run();
}

class PodExecution {
  readonly #x: Execution;
  #isChanged = false;
  #hasFailed = false;
  #retryAtMs: number | undefined;

  constructor(execution: Execution) {
    this.#x = execution;
  }

  async run(): Promise<ExecutionResult> {
    const { actions, pod, observed, memory, parts } = this.#x;
    await this.#kill();
    if (actions.killPod && !actions.createSandbox) return this.#result();
    const old = observed.containers.filter(({ id }) => actions.remove.includes(id));
    if (old.length > 0) {
      await removeInstances(pod, old, parts);
      this.#isChanged = true;
    }
    const starts = [...actions.startEphemeral, ...actions.startInit, ...actions.startRegular];
    if (!actions.createSandbox && starts.length === 0 && memory.volumes === "current") {
      await this.#resize();
      return this.#result();
    }
    this.#checkNetwork();

    const plan = await this.#plan(observed.sandboxes[0]?.ips ?? []);
    await this.#prepareVolumes(plan);
    this.#x.signal.throwIfAborted();
    const running = await this.#runningPod(plan);
    if (running && starts.length > 0) await this.#start(running);
    else await this.#resize();
    return this.#result();
  }

  #result(): ExecutionResult {
    return { isChanged: this.#isChanged, hasFailed: this.#hasFailed, retryAtMs: this.#retryAtMs };
  }

  async #kill(): Promise<void> {
    const { actions, pod, observed, parts, memory, signal } = this.#x;
    const podIPs = activeSandbox(observed)?.ips ?? [];
    const killParts = { ...parts, preStopStarted: memory.preStopStarted };
    if (actions.killPod) {
      if (actions.createSandbox && actions.sandboxId !== undefined)
        parts.record({
          type: "Normal",
          reason: "SandboxChanged",
          message: "Pod sandbox changed, it will be killed and re-created.",
        });
      const plan = terminationPlan(pod, observed);
      await killPod({ pod, podIPs, plan }, killParts, signal);
      if (plan.containers.length > 0 || plan.sandboxIds.length > 0) this.#isChanged = true;
      return;
    }
    for (const kill of actions.kill) await this.#killContainer(kill, podIPs);
    for (const { id, name, kill } of actions.reset) {
      if (kill)
        await killContainer(
          { pod, podIPs, id, name, graceSeconds: 0, preStop: undefined },
          killParts,
          signal,
        );
      const instances = observed.containers.filter((one) => one.id === id);
      await removeInstances(pod, instances, parts, { keepLogs: true });
      this.#isChanged = true;
    }
  }

  async #killContainer(
    { id, name, message, reason }: Pick<ContainerKill, "id" | "name"> & Partial<ContainerKill>,
    podIPs: readonly string[],
  ): Promise<void> {
    const { pod, parts, memory, signal } = this.#x;
    const container = findContainer(pod, name)?.container ?? { name };
    const graceSeconds = killGraceSeconds(pod, container, reason ?? "definitionChanged");
    const target = { pod, podIPs, id, name, message, graceSeconds, preStop: container.lifecycle?.preStop };
    await killContainer(target, { ...parts, preStopStarted: memory.preStopStarted }, signal);
    this.#isChanged = true;
  }

  async #plan(podIPs: readonly string[]): Promise<PodPlan> {
    const { pod, parts } = this.#x;
    try {
      return parts.planner.pod(pod, await this.#inputs(podIPs));
    } catch (error) {
      throw this.#startFailure(error);
    }
  }

  async #inputs(podIPs: readonly string[]): Promise<PodInputs> {
    const { pod, actions, inputs, parts, signal } = this.#x;
    const userNamespace =
      pod.spec?.hostUsers === false
        ? {
            userNamespaceHostId: await parts.files.userNamespaceHostId(pod.metadata?.uid ?? "", signal),
          }
        : {};
    return { ...inputs, ...userNamespace, podIPs, sandboxAttempt: actions.sandboxAttempt };
  }

  async #prepareVolumes(plan: PodPlan): Promise<void> {
    const { pod, memory, parts, signal } = this.#x;
    if (memory.volumes === "current") return;
    const { files } = parts;
    try {
      const { notices } =
        memory.volumes === "unprepared"
          ? await files.preparePod(pod, plan.volumes, signal)
          : await files.updateVolumes(pod, plan.volumes, signal);
      for (const message of notices) parts.record({ type: "Warning", reason: "Notice", message });
    } catch (error) {
      signal.throwIfAborted();
      const message = rawMessageOf(error);
      parts.record({ type: "Warning", reason: "FailedMount", message });
      throw startErrorOf(error, "FailedMount");
    }
    for (const notice of plan.notices) parts.record({ type: "Warning", ...notice });
    memory.volumes = "current";
  }

  /** Returns the pod with the sandbox that containers start in: the existing one, or a new one. */
  async #runningPod(plan: PodPlan): Promise<RunningPod | undefined> {
    const { pod, observed, actions, parts } = this.#x;
    let { sandboxId } = actions;
    let sandbox: ObservedSandbox | undefined = observed.sandboxes.find(({ id }) => id === sandboxId);
    let current = observed;
    if (actions.createSandbox) {
      sandboxId = await this.#runSandbox(plan.sandbox, plan.runtimeHandler);
      // The status has the addresses, and the containers of the old sandbox have ended.
      current = await observePod(parts.runtime, pod.metadata?.uid ?? "");
      sandbox = current.sandboxes.find(({ id }) => id === sandboxId);
    }
    if (sandboxId === undefined) return undefined;
    const podIPs = sandbox?.ips ?? [];
    const inputs = await this.#inputs(podIPs);
    return { pod, sandboxId, sandbox: plan.sandbox, observed: current, podIPs, inputs, volumeImages: {} };
  }

  /** Rejects where a new sandbox needs the network, and the network is not ready. */
  #checkNetwork(): void {
    const { actions, pod, parts } = this.#x;
    if (!actions.createSandbox || pod.spec.hostNetwork) return;
    const problem = parts.networkProblem?.();
    if (problem === undefined) return;
    const message = `network is not ready: ${problem}`;
    parts.record({ type: "Warning", reason: "NetworkNotReady", message });
    throw new StartError("FailedCreatePodSandBox", message);
  }

  async #runSandbox(config: PodSandboxConfig, runtimeHandler: string): Promise<string> {
    const { parts, pod } = this.#x;
    try {
      await parts.cgroups?.prepare(pod);
      const { podSandboxId } = await parts.runtime.runPodSandbox({ config, runtimeHandler });
      this.#isChanged = true;
      return podSandboxId;
    } catch (error) {
      throw this.#startFailure(error);
    }
  }

  /** Records why no container can start: an object that a volume needs, or the sandbox. */
  #startFailure(error: unknown): StartError {
    const failure = startErrorOf(error, "FailedCreatePodSandBox");
    const isOfVolume = failure.waitingReason === "FailedMount";
    this.#x.parts.record({
      type: "Warning",
      reason: isOfVolume ? "FailedMount" : "FailedCreatePodSandBox",
      message: isOfVolume ? failure.rawMessage : `Failed to create pod sandbox: ${failure.rawMessage}`,
    });
    return failure;
  }

  async #start(running: RunningPod): Promise<void> {
    const { actions, pod, signal } = this.#x;
    const withImages = await this.#withVolumeImages(running);
    for (const name of actions.startEphemeral) await this.#tryStart(withImages, name);
    for (const name of actions.startInit) {
      const isStarted = await this.#tryStart(withImages, name);
      // Later containers need the init container, but not a sidecar.
      if (!isStarted && findContainer(pod, name)?.kind === "init") return;
    }
    await this.#resize();
    for (const name of actions.startRegular) await this.#tryStart(withImages, name);
    signal.throwIfAborted();
  }

  /** Gives running containers other resources, and the pod, before containers start that were stopped for it. */
  async #resize(): Promise<void> {
    const { actions, pod, parts, memory, inputs, signal } = this.#x;
    const { resizing } = parts;
    const restarts = actions.kill.some(({ reason }) => reason === "resized");
    if (resizing === undefined || (actions.resize.length === 0 && !restarts)) return;
    signal.throwIfAborted();
    const generation = resizing.generation(pod.metadata.uid);
    try {
      await applyResizes(
        pod,
        actions.resize,
        { ...parts, resizing, inputs, sandboxId: actions.sandboxId },
        signal,
      );
      memory.resizeFailure = undefined;
      this.#isChanged = true;
    } catch (error) {
      signal.throwIfAborted();
      if (isCriError(error) && error.reason === "client_closed") throw error;
      this.#hasFailed = true;
      const message = rawMessageOf(error);
      const before = memory.resizeFailure;
      memory.resizeFailure = { message, generation };
      if (before?.message === message && before.generation === generation) return;
      parts.record({
        type: "Warning",
        reason: "ResizeError",
        message: resizeMessage("Pod resize error", pod, { generation, error: message }),
      });
    }
  }

  /** Pulls the images of volumes. Containers that mount one which is missing fail with its error. */
  async #withVolumeImages(running: RunningPod): Promise<RunningPod> {
    const { pod, parts, signal } = this.#x;
    const volumeImages: Record<string, ImageFacts> = {};
    for (const { image } of pod.spec?.volumes ?? []) {
      if (image?.reference === undefined) continue;
      const pullPolicy =
        image.pullPolicy === "Always" || image.pullPolicy === "Never" ? image.pullPolicy : "IfNotPresent";
      const request = {
        pod,
        container: undefined,
        image: image.reference,
        pullPolicy,
        sandbox: running.sandbox,
      } as const;
      try {
        volumeImages[image.reference] = await parts.images.ensure(request, {
          signal,
          record: parts.record,
        });
      } catch {
        signal.throwIfAborted();
        this.#hasFailed = true;
      }
    }
    return { ...running, volumeImages };
  }

  async #tryStart(running: RunningPod, name: string): Promise<boolean> {
    const { pod, parts, memory, signal } = this.#x;
    signal.throwIfAborted();
    const container = findContainer(pod, name)?.container;
    if (!container) return false;
    const decision = decideRestart(pod, container, running.observed, memory.backOff, parts.clock.now());
    if (!decision.start) {
      memory.waiting.set(name, decision.waiting);
      this.#reportBackOff(running.observed, name, decision.eventMessage);
      this.#retryNoLaterThan(decision.untilMs);
      this.#hasFailed = true;
      return false;
    }
    const missing = missingVolumeImage(pod, name, running.volumeImages);
    const kill: StartParts["kill"] = (target) => this.#killContainer(target, running.podIPs);
    try {
      if (missing !== undefined)
        throw new StartError("CreateContainerConfigError", `the image of volume ${missing} is missing`);
      await startContainer(running, container, { ...parts, kill }, signal);
      memory.waiting.delete(name);
      this.#isChanged = true;
      return true;
    } catch (error) {
      signal.throwIfAborted();
      if (isCriError(error) && error.reason === "client_closed") throw error;
      const failure = startErrorOf(error, "CreateContainerError");
      memory.waiting.set(name, { reason: failure.waitingReason, message: failure.rawMessage });
      if (failure.retryAtMs !== undefined) this.#retryNoLaterThan(failure.retryAtMs);
      this.#hasFailed = true;
      return false;
    }
  }

  #retryNoLaterThan(ms: number): void {
    this.#retryAtMs = Math.min(this.#retryAtMs ?? ms, ms);
  }

  /** Records `BackOff` once for each end of the container, and not in each sync. */
  #reportBackOff(observed: ObservedPod, name: string, message: string): void {
    const { backOffReported } = this.#x.memory;
    const id = observed.containers.find((one) => one.name === name && one.state === "exited")?.id ?? "";
    if (backOffReported.get(name) === id) return;
    backOffReported.set(name, id);
    this.#x.parts.record({ type: "Warning", reason: "BackOff", message, container: name });
  }
}

/** Returns the name of an image volume of a container whose image could not be pulled. */
function missingVolumeImage(
  pod: Pod,
  containerName: string,
  images: Readonly<Record<string, ImageFacts>>,
): string | undefined {
  const mounts = findContainer(pod, containerName)?.container.volumeMounts ?? [];
  return pod.spec?.volumes?.find(
    ({ name, image }) =>
      image?.reference !== undefined &&
      images[image.reference] === undefined &&
      mounts.some((mount) => mount.name === name),
  )?.name;
}
