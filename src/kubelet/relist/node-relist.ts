import type { StatusResponse } from "../../../gen/runtime/v1/api_pb.js";
import { backoff, linkedController, onAbort, raceAbort } from "../../core/index.js";
import type { Cri } from "../../cri.js";
import type { NodeContainer, NodePod } from "../../events/index.js";
import { type Clock, type PodChanges, PodSubscribers, steadyMs, Timer } from "../../kubernetes/index.js";
import { pause, withClockDeadline } from "../clock-waits.js";
import type { KubeletLoop } from "../kubelet-view.js";
import { isRuntimeReady, type RuntimeHealth, runtimeHealth } from "./health.js";
import { NodeObjects } from "./node-objects.js";
import { type RelistOptions, type ResolvedRelistOptions, resolveRelistOptions } from "./options.js";

/** What {@link NodeRelist} uses. */
export interface NodeRelistParts {
  readonly cri: Pick<Cri, "runtime" | "lists" | "events">;
  readonly clock: Clock;
  /** Called when what {@link NodeRelist.health} reports has changed, so that the node's status can be sent at once. */
  readonly onHealthChange?: (() => void) | undefined;
}

/** The timeout of a list and of Status: a runtime that hangs must not hold a connection for ever. */
const timeoutMs = 30_000;
/** The delay before events are tried again on a runtime that does not serve them: it may have been upgraded. */
const eventsRetryMs = 60_000;
/** The longest pause between two relists that fail. */
const maxFailurePauseMs = 3_000;

/**
 * The sandboxes and containers of the node, for all parts of a kubelet: by the events of the runtime, and by lists at intervals. The list
 * is the truth and an event is a hint, since runtimes lose events. It is empty until the first relist; see {@link relistedAtMs}.
 *
 * The health is computed from the times of what has succeeded, so that a runtime that accepts calls and never answers becomes unhealthy.
 */
export class NodeRelist implements PodChanges, KubeletLoop {
  readonly #parts: NodeRelistParts;
  readonly #options: ResolvedRelistOptions;
  readonly #objects = new NodeObjects();
  readonly #subscribers = new PodSubscribers();
  readonly #timer: Timer;
  readonly #firstRelist: Promise<void>;
  #onFirstRelist = () => {};
  #relistedAtMs: number | undefined;
  #runtimeReadyAtMs: number | undefined;
  #status: StatusResponse | undefined;
  #hasEvents = false;
  /** Set after an outage: everything may have changed, even what lists do not show. */
  #mustNotifyAll = false;
  #reportedHealth = "";

  constructor(parts: NodeRelistParts, options: RelistOptions = {}) {
    this.#parts = parts;
    this.#options = resolveRelistOptions(options);
    this.#timer = new Timer(parts.clock);
    this.#firstRelist = new Promise((resolve) => {
      this.#onFirstRelist = resolve;
    });
  }

  /** When the last relist began that succeeded, by the steady time of the clock; undefined before the first one. */
  get relistedAtMs(): number | undefined {
    return this.#relistedAtMs;
  }

  /** Whether the runtime sends events now. */
  get hasEvents(): boolean {
    return this.#hasEvents;
  }

  /** The sandboxes of the node by id, those of other owners included. */
  get pods(): ReadonlyMap<string, NodePod> {
    return this.#objects.pods;
  }

  /** The containers of the node by id, those of other owners included. */
  get containers(): ReadonlyMap<string, NodeContainer> {
    return this.#objects.containers;
  }

  /** Returns the uids of all pods that have a sandbox or a container in the runtime. Empty before the first relist. */
  podUids(): ReadonlySet<string> {
    const uids = new Set<string>();
    for (const object of [...this.pods.values(), ...this.containers.values()])
      uids.add(this.#objects.uidOf(object));
    uids.delete("");
    return uids;
  }

  /** Returns the uid of the pod of a container; "" when it is unknown. */
  podUidOf(container: NodeContainer): string {
    return this.#objects.uidOf(container);
  }

  /** Reports whether anything of the pod with this uid may run: a sandbox is ready, or a container is neither created nor exited. */
  isRunning(podUid: string): boolean {
    for (const { uid, state } of this.pods.values()) if (uid === podUid && state === "ready") return true;
    for (const one of this.containers.values())
      if ((one.state === "running" || one.state === "unknown") && this.#objects.uidOf(one) === podUid)
        return true;
    return false;
  }

  subscribe(podUid: string, notify: () => void): () => void {
    return this.#subscribers.add(podUid, notify);
  }

  /** Lists now, and resolves when the cache has the result. Rejects when the runtime does not answer, or when the signal fires. */
  async relist(signal?: AbortSignal): Promise<void> {
    const { cri, clock } = this.#parts;
    const startedAtMs = steadyMs(clock);
    const start = this.#objects.startList();
    const lists = await withClockDeadline(clock, timeoutMs, signal, "relist", async (aborted) => {
      const options = { signal: aborted, timeoutMs: 0 };
      // Pods after containers: then the pod of each listed container is listed as well, unless it was removed in between.
      const containers = await cri.lists.containers({}, options).collect();
      return { containers, sandboxes: await cri.lists.podSandboxes({}, options).collect() };
    });
    this.#relistedAtMs = Math.max(this.#relistedAtMs ?? 0, startedAtMs);
    const changed = this.#objects.replace(start, lists);
    this.#onFirstRelist();
    if (this.#mustNotifyAll) this.#subscribers.notifyAll();
    else for (const uid of changed) this.#subscribers.notify(uid);
    this.#mustNotifyAll = false;
  }

  /** Resolves as soon as there was a relist. Rejects with the reason of the signal. */
  async ready(signal: AbortSignal): Promise<void> {
    await raceAbort(this.#firstRelist, signal);
  }

  /** Returns the health by the clock's steady time. */
  health(): RuntimeHealth {
    return runtimeHealth({
      nowMs: steadyMs(this.#parts.clock),
      relistedAtMs: this.#relistedAtMs,
      runtimeReadyAtMs: this.#runtimeReadyAtMs,
      status: this.#status,
      ...this.#options,
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    const removeCallback = onAbort(signal, this.#timer.wake);
    await Promise.all([
      this.#relistAgain(signal),
      this.#readEventsAgain(signal),
      this.#pollStatus(signal),
      this.#watchHealth(signal),
    ]);
    removeCallback();
  }

  async #relistAgain(signal: AbortSignal): Promise<void> {
    const { eventedMs, genericMs } = this.#options;
    const firstPause = backoff({ firstMs: genericMs, maxMs: Math.max(genericMs, maxFailurePauseMs) });
    let failurePause = firstPause;
    while (!signal.aborted) {
      this.#timer.clear();
      try {
        await this.relist(signal);
        failurePause = firstPause;
        await this.#timer.wait(this.#hasEvents ? eventedMs : genericMs);
      } catch {
        // Health reports it: the time of the last relist gets older.
        this.#mustNotifyAll = true;
        if (!signal.aborted) await this.#timer.wait(failurePause.delayMs());
        failurePause = failurePause.next();
      }
    }
  }

  /** Reads events, as long as the runtime serves them. Without events, relists are more frequent, and this tries again every minute. */
  async #readEventsAgain(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#readEvents(signal);
      if (this.#hasEvents) {
        this.#hasEvents = false;
        this.#timer.wake();
      }
      await pause(this.#parts.clock, eventsRetryMs, signal);
    }
  }

  /** Resolves when the runtime has no events: what the connection finds by polling then, relists find as well. */
  async #readEvents(signal: AbortSignal): Promise<void> {
    const reading = linkedController(signal);
    try {
      for await (const event of this.#parts.cri.events.read({ signal: reading.signal })) {
        if ("kind" in event) this.#subscribers.notify(this.#objects.apply(event));
        else if (event.type === "connected" && event.by === "polling") return;
        else if (event.type === "disconnected") this.#hasEvents = false;
        else {
          // It is connected, or events were lost.
          if (event.type === "connected") this.#hasEvents = true;
          this.#mustNotifyAll = true;
          this.#timer.wake();
        }
      }
    } catch {
      // A failing runtime is reported by the relists.
    } finally {
      reading.unlink();
      reading.abort();
    }
  }

  async #pollStatus(signal: AbortSignal): Promise<void> {
    const { cri, clock } = this.#parts;
    while (!signal.aborted) {
      const startedAtMs = steadyMs(clock);
      const status = await withClockDeadline(clock, timeoutMs, signal, "Status", (aborted) =>
        cri.runtime.status({}, { signal: aborted, timeoutMs: 0 }),
      ).catch(() => undefined);
      if (status) {
        this.#status = status;
        if (isRuntimeReady(status)) this.#runtimeReadyAtMs = startedAtMs;
        this.#reportHealth();
      }
      await pause(clock, this.#options.statusMs, signal);
    }
  }

  /** Time alone makes a runtime unhealthy. */
  async #watchHealth(signal: AbortSignal): Promise<void> {
    while (await pause(this.#parts.clock, this.#options.statusMs, signal)) this.#reportHealth();
  }

  #reportHealth(): void {
    const { runtimeErrors, networkError } = this.health();
    // The message about relists contains their age.
    const health = JSON.stringify([
      runtimeErrors.map((text) => text.replace(/active .* ago/, "")),
      networkError,
    ]);
    if (health === this.#reportedHealth) return;
    this.#reportedHealth = health;
    this.#parts.onHealthChange?.();
  }
}
