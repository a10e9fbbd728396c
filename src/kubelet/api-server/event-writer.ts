import { ChangeSignal } from "../../core/index.js";
import { type CorrelatedEvent, EventCorrelator } from "../events/index.js";
import type { KubeletEvent } from "../kubelet-event.js";
import type { KubeletLoop } from "../kubelet-view.js";
import { patchTypes, resourcePath } from "./api-client.js";
import { type ApiContext, RetryDelays } from "./api-context.js";
import { statusOf } from "./api-error.js";
import { apiJson } from "./api-objects.js";

type WrittenEvent = Exclude<CorrelatedEvent, { readonly action: "drop" }>;

/** How many events wait for the API server at most, and how often one is tried. Both as in client-go. */
const maxQueued = 1_000;
const maxAttempts = 12;

/**
 * Writes events to the API server, in order. Events are best-effort: those that it refuses, and the oldest ones of a full queue, are
 * dropped.
 */
export class EventWriter implements KubeletLoop {
  readonly #context: ApiContext;
  readonly #correlator: EventCorrelator;
  readonly #queue: WrittenEvent[] = [];
  readonly #changed = new ChangeSignal();

  constructor(context: ApiContext) {
    this.#context = context;
    this.#correlator = new EventCorrelator({ clock: context.clock, host: context.nodeName });
  }

  /** Takes an event. */
  add(event: KubeletEvent): void {
    const correlated = this.#correlator.correlate(event);
    if (correlated.action === "drop") return;
    if (this.#queue.length >= maxQueued) this.#queue.shift();
    this.#queue.push(correlated);
    this.#changed.notify();
  }

  /** Whether all events were written or dropped. */
  get isIdle(): boolean {
    return this.#queue.length === 0;
  }

  async run(signal: AbortSignal): Promise<void> {
    const delays = new RetryDelays(this.#context);
    let attempts = 0;
    while (!signal.aborted) {
      const [event] = this.#queue;
      if (event === undefined) {
        await this.#changed.wait({ signal }).catch(() => undefined);
        continue;
      }
      try {
        await this.#write(event, signal);
        delays.reset();
        attempts = 0;
        this.#remove(event);
      } catch (error) {
        if (signal.aborted) return;
        attempts += 1;
        if (!isWorthRetrying(error) || attempts >= maxAttempts) {
          attempts = 0;
          this.#remove(event);
        } else await delays.wait(error, signal).catch(() => undefined);
      }
    }
  }

  /** The event may have been dropped from a full queue in the meantime. */
  #remove(event: WrittenEvent): void {
    if (this.#queue[0] === event) this.#queue.shift();
  }

  async #write(written: WrittenEvent, signal: AbortSignal): Promise<void> {
    const { client } = this.#context;
    const { namespace, name } = written.event.metadata;
    if (written.action === "patch")
      try {
        const path = resourcePath({ namespace, resource: "events", name });
        const body = apiJson(written.patch) as object;
        await client.request("PATCH", path, { body, contentType: patchTypes.strategic, signal });
        return;
      } catch (error) {
        // Events expire.
        if (statusOf(error) !== 404) throw error;
      }
    const body = apiJson(written.event) as object;
    await client.request("POST", resourcePath({ namespace, resource: "events" }), { body, signal });
  }
}

/** Whether the API server may take it later: there was no answer, or it is busy. */
function isWorthRetrying(error: unknown): boolean {
  const status = statusOf(error);
  return status === undefined || status === 429 || status === 503 || status === 504;
}
