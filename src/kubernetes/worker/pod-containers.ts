import type { Container, EphemeralContainer, Pod } from "../api/index.js";
import type { ContainerKind } from "../config/pod-configs.js";
import { isSidecar } from "../config/pod-view.js";
import type { ObservedContainer, ObservedPod, ObservedSandbox } from "./observed.js";

/** A container of a Pod with its kind. */
export interface KindedContainer {
  readonly kind: ContainerKind;
  readonly container: Container;
}

export { isSidecar };

export function initContainersOf(pod: Pod): readonly Container[] {
  return pod.spec?.initContainers ?? [];
}

export function regularContainersOf(pod: Pod): readonly Container[] {
  return pod.spec?.containers ?? [];
}

export function ephemeralContainersOf(pod: Pod): readonly EphemeralContainer[] {
  return pod.spec?.ephemeralContainers ?? [];
}

/** Returns all containers: init containers and sidecars, then regular, then ephemeral ones. Names are unique among them. */
export function podContainers(pod: Pod): readonly KindedContainer[] {
  return [
    ...initContainersOf(pod).map((container) => ({
      kind: isSidecar(container) ? ("sidecar" as const) : ("init" as const),
      container,
    })),
    ...regularContainersOf(pod).map((container) => ({ kind: "regular" as const, container })),
    ...ephemeralContainersOf(pod).map((container) => ({ kind: "ephemeral" as const, container })),
  ];
}

/** Returns the container of this name, of any kind. */
export function findContainer(pod: Pod, name: string): KindedContainer | undefined {
  return podContainers(pod).find(({ container }) => container.name === name);
}

/** Returns the newest instance of a container. Its state is the state of the container. */
export function newestInstance(observed: ObservedPod, name: string): ObservedContainer | undefined {
  return observed.containers.find((instance) => instance.name === name);
}

/** Returns the newest sandbox if it is ready: the one that containers run in. */
export function activeSandbox({ sandboxes: [newest] }: ObservedPod): ObservedSandbox | undefined {
  return newest?.isReady ? newest : undefined;
}

/**
 * Returns the restart count of the next instance of a container: one more than its newest instance has. Undefined when the runtime has
 * none: then the logs of earlier ones decide.
 */
export function nextRestartCount(observed: ObservedPod, name: string): number | undefined {
  const newest = newestInstance(observed, name);
  return newest && newest.restartCount + 1;
}

/** Returns whether nothing of the pod runs: no container is running, and no sandbox is ready. */
export function isStopped({ sandboxes, containers }: ObservedPod): boolean {
  return !sandboxes.some(({ isReady }) => isReady) && !containers.some(({ state }) => state === "running");
}
