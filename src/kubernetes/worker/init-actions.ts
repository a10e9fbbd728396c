import type { Container, Pod } from "../api/index.js";
import { type ContainerKill, hasChanged, killOf, unknownStateKill } from "./container-kills.js";
import type { ObservedContainer, ObservedPod } from "./observed.js";
import {
  activeSandbox,
  initContainersOf,
  isSidecar,
  newestInstance,
  regularContainersOf,
} from "./pod-containers.js";
import { type ProbeStates, probeStateOf } from "./probe-states.js";
import { restartsAfter, restartsWhenKilled } from "./restart-rules.js";

/** What to do about the init containers of a pod. */
export interface InitActions {
  /** Whether regular containers may start: all init containers ended successfully, and all sidecars started. */
  readonly isInitialized: boolean;
  /** Whether an init container failed for good. Then the lists are empty. */
  readonly hasFailed: boolean;
  readonly kill: readonly ContainerKill[];
  /** Names, in the order of the Pod. */
  readonly start: readonly string[];
}

/** What one init container contributes. */
interface Step {
  readonly kill?: ContainerKill;
  readonly start?: boolean;
  readonly failed?: boolean;
  /** Whether it is done, so that the next one may start: it succeeded, or it is a sidecar that started. */
  readonly done?: boolean;
}

/**
 * Returns the actions for init containers and sidecars. Runtimes may have lost the ended ones, so the last one that has an instance
 * decides how far the initialization is; those before it are done. Sidecars that ended start again at any time.
 */
export function initActions(pod: Pod, observed: ObservedPod, probes: ProbeStates): InitActions {
  const containers = initContainersOf(pod);
  // Instances of an earlier sandbox, which may not be removed yet, prove nothing about this one.
  const sandboxId = activeSandbox(observed)?.id;
  const instanceOf = ({ name }: Container) => {
    const newest = newestInstance(observed, name);
    return newest?.sandboxId === sandboxId ? newest : undefined;
  };
  // Regular containers that exited do not count, as in the kubelet.
  const wasInitialized = regularContainersOf(pod).some((container) => {
    const state = instanceOf(container)?.state;
    return state === "created" || state === "running";
  });
  const instances = containers.map(instanceOf);
  const current = wasInitialized ? containers.length : instances.findLastIndex((it) => it !== undefined);

  const kill: ContainerKill[] = [];
  const start = new Set<number>();
  let isInitialized = wasInitialized || containers.length === 0;
  if (!isInitialized && current === -1) start.add(0);
  for (const [index, container] of containers.entries()) {
    if (index > current) break;
    const isEarlier = index < current;
    if (isEarlier && !isSidecar(container)) continue;
    const instance = instances[index];
    const step = instance === undefined ? { start: true } : stepOf(pod, container, instance, probes);
    if (step.failed) return { isInitialized: false, hasFailed: true, kill: [], start: [] };
    if (step.kill) kill.push(step.kill);
    if (step.start) start.add(index);
    if (isEarlier || !step.done) continue;
    if (index === containers.length - 1) isInitialized = true;
    else start.add(index + 1);
  }
  return {
    isInitialized,
    hasFailed: false,
    kill,
    start: containers.filter((_, index) => start.has(index)).map(({ name }) => name),
  };
}

function stepOf(pod: Pod, container: Container, instance: ObservedContainer, probes: ProbeStates): Step {
  const sidecar = isSidecar(container);
  switch (instance.state) {
    case "created":
      // A worker creates and starts in one step: the start failed, or the worker ended in between.
      return { start: true };
    case "running":
      return sidecar ? runningSidecar(container, instance, probes) : {};
    case "exited":
      if (sidecar) return { start: true };
      if (instance.exitCode === 0 && instance.reason !== "OOMKilled") return { done: true };
      return restartsAfter(pod, container, instance.exitCode) ? { start: true } : { failed: true };
    case "unknown":
      if (!sidecar && !restartsWhenKilled(pod, container)) return { failed: true };
      return { kill: unknownStateKill(instance, "Init container"), start: true };
  }
}

function runningSidecar(container: Container, instance: ObservedContainer, probes: ProbeStates): Step {
  const { startup, liveness } = probeStateOf(container, instance.id, probes);
  const killed = (reason: "startupProbe" | "definitionChanged" | "livenessProbe") => ({
    kill: killOf(instance, reason, { noun: "Init container", restarts: false }),
    start: true,
  });
  if (startup === "failure") return killed("startupProbe");
  if (startup !== "success") return {};
  if (hasChanged(container, instance)) return { ...killed("definitionChanged"), done: true };
  return liveness === "failure" ? { ...killed("livenessProbe"), done: true } : { done: true };
}
