import { kubernetesLabels } from "../../core/index.js";
import type { Events, NodeEvent } from "../../events/index.js";
import { PodSubscribers } from "./pod-subscribers.js";
import type { PodChanges } from "./ports.js";

/** The changes of pods, from the events of a connection. One reader serves all subscribers; it ends with the last one. */
export class EventChanges implements PodChanges {
  readonly #events: Pick<Events, "read">;
  readonly #subscribers = new PodSubscribers();
  #reading: AbortController | undefined;

  constructor(events: Pick<Events, "read">) {
    this.#events = events;
  }

  subscribe(podUid: string, notify: () => void): () => void {
    const remove = this.#subscribers.add(podUid, notify);
    this.#start();
    return () => {
      remove();
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
      this.#subscribers.notifyAll();
    }
  }

  #dispatch(event: NodeEvent): void {
    if (!("kind" in event)) {
      // After an outage, anything may have changed.
      if (event.type !== "disconnected") this.#subscribers.notifyAll();
      return;
    }
    const uid =
      event.kind === "pod"
        ? event.pod.uid
        : (event.container.labels[kubernetesLabels.podUid] ?? event.pod?.uid ?? "");
    this.#subscribers.notify(uid);
  }
}
