import type { Cri } from "../../cri.js";
import type { NodeContainer, NodePod } from "../../events/index.js";
import type { Clock, PodChanges } from "../../kubernetes/index.js";
import type { KubeletLoop } from "../kubelet-view.js";
import type { RuntimeHealth } from "./health.js";
import type { RelistOptions } from "./options.js";

/** What {@link NodeRelist} uses. */
export interface NodeRelistParts {
  readonly cri: Pick<Cri, "runtime" | "lists" | "events">;
  readonly clock: Clock;
  /** Called when what {@link NodeRelist.health} reports has changed, so that the node's status can be sent at once. */
  readonly onHealthChange?: (() => void) | undefined;
}

/**
 * The sandboxes and containers of the node, for all parts of a kubelet: by the events of the runtime, and by lists at intervals. The list
 * is the truth and an event is a hint, since runtimes lose events. It is empty until the first relist; see {@link relistedAtMs}.
 */
export class NodeRelist implements PodChanges, KubeletLoop {
  readonly #parts: NodeRelistParts;
  readonly #options: RelistOptions;
  readonly #pods = new Map<string, NodePod>();
  readonly #containers = new Map<string, NodeContainer>();
  readonly #subscribers = new Map<string, Set<() => void>>();
  #relistedAtMs: number | undefined;

  constructor(parts: NodeRelistParts, options: RelistOptions = {}) {
    this.#parts = parts;
    this.#options = options;
  }

  /** When the last relist began that succeeded, by the clock; undefined before the first one. */
  get relistedAtMs(): number | undefined {
    return this.#relistedAtMs;
  }

  /** The sandboxes of the node by id, those of other owners included. */
  get pods(): ReadonlyMap<string, NodePod> {
    return this.#pods;
  }

  /** The containers of the node by id, those of other owners included. */
  get containers(): ReadonlyMap<string, NodeContainer> {
    return this.#containers;
  }

  /** Returns the uids of all pods that have a sandbox or a container in the runtime. Empty before the first relist. */
  podUids(): ReadonlySet<string> {
    return new Set([...this.#pods.values()].map(({ uid }) => uid));
  }

  /** Reports whether a sandbox is ready, or a container of it may run, of the pod with this uid. */
  isRunning(podUid: string): boolean {
    return [...this.#pods.values()].some(({ uid, state }) => uid === podUid && state === "ready");
  }

  subscribe(podUid: string, notify: () => void): () => void {
    const callbacks = this.#subscribers.get(podUid) ?? new Set();
    this.#subscribers.set(podUid, callbacks);
    callbacks.add(notify);
    return () => void callbacks.delete(notify);
  }

  /** Lists now, and resolves when the cache has the result. Rejects when the runtime does not answer, or when the signal fires. */
  async relist(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.#relistedAtMs = this.#parts.clock.now();
  }

  /** Resolves as soon as there was a relist. Rejects with the reason of the signal. */
  async ready(signal: AbortSignal): Promise<void> {
    while (this.#relistedAtMs === undefined)
      await this.#parts.clock.sleep(this.#options.genericMs ?? 1_000, signal);
  }

  /** Returns the health by the clock's time: a runtime that hangs becomes unhealthy without any event. */
  health(): RuntimeHealth {
    return { runtimeErrors: [], networkError: undefined, status: undefined };
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.relist(signal).catch(() => undefined);
      await this.#parts.clock.sleep(this.#options.eventedMs ?? 10_000, signal).catch(() => undefined);
    }
  }
}
