import { kubernetesLabels } from "../../core/index.js";
import type { Events, NodeEvent } from "../../events/index.js";
import type { PodChanges } from "./ports.js";

/** The changes of pods, from the events of a connection. One reader serves all subscribers; it ends with the last one. */
export class EventChanges implements PodChanges {
  readonly #events: Pick<Events, "read">;
  readonly #subscribers = new Map<string, Set<() => void>>();
  #reading: AbortController | undefined;

  constructor(events: Pick<Events, "read">) {
    this.#events = events;
  }

  subscribe(podUid: string, notify: () => void): () => void {
    const callbacks = this.#subscribers.get(podUid) ?? new Set();
    this.#subscribers.set(podUid, callbacks);
    // Two subscriptions with one function are two subscriptions.
    const callback = () => notify();
    callbacks.add(callback);
    this.#start();
    return () => {
      callbacks.delete(callback);
      if (callbacks.size === 0 && this.#subscribers.get(podUid) === callbacks)
        this.#subscribers.delete(podUid);
      if (this.#subscribers.size > 0) return;
      this.#reading?.abort();
      this.#reading = undefined;
    };
  }

  #start(): void {
    if (this.#reading) return;
    const controller = new AbortController();
    this.#reading = controller;
    void this.#read(controller.signal).finally(() => {
      if (this.#reading === controller) this.#reading = undefined;
    });
  }

  async #read(signal: AbortSignal): Promise<void> {
    try {
      for await (const event of this.#events.read({ signal })) this.#dispatch(event);
    } catch {
      // The client was closed, or the last subscription ended. Workers learn of a closed client from their own calls.
      this.#notifyAll();
    }
  }

  #dispatch(event: NodeEvent): void {
    if (!("kind" in event)) {
      // After an outage, anything may have changed.
      if (event.type !== "disconnected") this.#notifyAll();
      return;
    }
    const uid =
      event.kind === "pod"
        ? event.pod.uid
        : (event.container.labels[kubernetesLabels.podUid] ?? event.pod?.uid ?? "");
    for (const notify of this.#subscribers.get(uid) ?? []) notify();
  }

  #notifyAll(): void {
    for (const callbacks of [...this.#subscribers.values()]) for (const notify of [...callbacks]) notify();
  }
}
