import { isCriError } from "../../core/index.js";
import type { Container, Pod } from "../api/index.js";
import { type KillParts, killContainer } from "./kill-container.js";
import type { ObservedContainer, ObservedPod } from "./observed.js";
import type { PodRuntime } from "./ports.js";

/** What stopping a pod needs. */
export interface PodKillParts extends KillParts {
  readonly runtime: Pick<PodRuntime, "stopContainer" | "stopPodSandbox">;
}

/** How a pod is stopped. */
export interface PodKillOptions {
  readonly podIPs: readonly string[];
  /** The grace period of a container in seconds. */
  readonly graceSecondsOf: (container: Container | undefined, observed: ObservedContainer) => number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Stops the containers of a pod, all at the same time, but sidecars after the regular containers and in the reverse order of their
 * start; then all its sandboxes. Rejects with the first failure, after all containers were tried.
 */
export async function killPod(
  pod: Pod,
  observed: ObservedPod,
  parts: PodKillParts,
  { podIPs, graceSecondsOf, signal }: PodKillOptions,
): Promise<void> {
  const running = observed.containers.filter(({ state }) => state === "running" || state === "unknown");
  const order = new StopOrder(pod, running);
  const stops = running.map(async (one) => {
    const container = containerNamed(pod, one.name);
    try {
      const turn = order.turnOf(one.name);
      const graceSeconds = graceSecondsOf(container, one);
      const target = { pod, container, name: one.name, id: one.id, podIPs, graceSeconds, turn };
      await killContainer(target, parts, signal);
    } finally {
      order.stopped(one.id);
    }
  });
  const results = await Promise.allSettled(stops);
  signal?.throwIfAborted();
  for (const { id } of observed.sandboxes)
    try {
      await parts.runtime.stopPodSandbox({ podSandboxId: id }, signal ? { signal } : {});
    } catch (error) {
      if (!(isCriError(error) && error.reason === "object_missing")) throw error;
    }
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

/** Returns the container of a Pod with this name, of any kind. */
export function containerNamed(pod: Pod, name: string): Container | undefined {
  const { initContainers = [], containers = [], ephemeralContainers = [] } = pod.spec ?? {};
  return [...initContainers, ...containers, ...ephemeralContainers].find((one) => one.name === name);
}

/** The order in which the containers of a pod stop: a sidecar after all regular containers and after the sidecars that are declared after it. */
class StopOrder {
  /** By container name: resolves when all its instances have stopped. */
  readonly #ends = new Map<string, Promise<unknown>>();
  readonly #end = new Map<string, () => void>();
  readonly #sidecars: readonly string[];
  readonly #regular: readonly string[];

  constructor(pod: Pod, running: readonly ObservedContainer[]) {
    const { initContainers = [], containers = [] } = pod.spec ?? {};
    this.#sidecars = initContainers.filter((one) => one.restartPolicy === "Always").map(({ name }) => name);
    this.#regular = containers.map(({ name }) => name);
    for (const { id, name } of running) {
      const end = new Promise<void>((resolve) => this.#end.set(id, resolve));
      this.#ends.set(name, Promise.all([this.#ends.get(name), end]));
    }
  }

  /** Returns a wait for the turn of a container; undefined for one that does not wait. */
  turnOf(name: string): (() => Promise<void>) | undefined {
    const index = this.#sidecars.indexOf(name);
    if (index < 0) return undefined;
    const before = [...this.#regular, ...this.#sidecars.slice(index + 1)];
    return async () => {
      await Promise.all(before.map((one) => this.#ends.get(one)));
    };
  }

  stopped(id: string): void {
    this.#end.get(id)?.();
  }
}
