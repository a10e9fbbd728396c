import type { ContainerEventResponse } from "../../gen/runtime/v1/api_pb.js";
import { sleep } from "../core/index.js";
import type { EventFeed, FeedListener } from "./feed.js";

/** One waiting for something that may happen to a sandbox or a container. */
export interface HintListening {
  /** Whether hints come now; while they do not, asking has to be more frequent. */
  readonly live: boolean;
  /** Resolves with the next hint, also one that came since the last call, or after `ms`. Rejects when the signal fires. */
  next(ms: number, signal: AbortSignal): Promise<void>;
  close(): void;
}

/** How long the stream stays open after the last waiting, for the next one of a loop. */
const lingerMs = 250;

/** Tells those who wait that it is time to look: an event came for what they wait for, or events began or ceased to come. */
export class EventHints {
  readonly #feed: EventFeed;
  readonly #waiting = new Map<string, Set<Listening>>();
  #count = 0;
  #release: ((lingerMs?: number) => void) | undefined;

  constructor(feed: EventFeed) {
    this.#feed = feed;
  }

  /** Hears of the sandboxes and containers with these ids. A stream that is not there yet is opened by the first `next`. */
  listen(ids: readonly string[]): HintListening {
    const listening = new Listening(this, this.#feed);
    this.#count++;
    for (const id of ids) {
      const others = this.#waiting.get(id);
      if (others) others.add(listening);
      else this.#waiting.set(id, new Set([listening]));
    }
    // Else the stream could end between this and the first `next`.
    if (this.#feed.open) this.open();
    listening.onClose = () => this.#forget(ids, listening);
    return listening;
  }

  /** @internal */
  open(): void {
    this.#release ??= this.#feed.add(this.#listener);
  }

  #forget(ids: readonly string[], listening: Listening): void {
    for (const id of ids) {
      const all = this.#waiting.get(id);
      all?.delete(listening);
      if (all?.size === 0) this.#waiting.delete(id);
    }
    if (--this.#count > 0) return;
    this.#release?.(lingerMs);
    this.#release = undefined;
  }

  readonly #listener: FeedListener = {
    onEvent: (event) => {
      for (const id of idsOf(event)) for (const one of this.#waiting.get(id) ?? []) one.hint();
    },
    onUp: () => this.#hintAll(),
    onDown: ({ final }) => {
      if (final) this.#release = undefined;
      this.#hintAll();
    },
  };

  // What happened before the stream was there came in no event; and who relied on events must ask again without them.
  #hintAll(): void {
    for (const all of this.#waiting.values()) for (const one of all) one.hint();
  }
}

class Listening implements HintListening {
  readonly #hints: EventHints;
  readonly #feed: EventFeed;
  #hinted = false;
  #wake: (() => void) | undefined;
  onClose: (() => void) | undefined;

  constructor(hints: EventHints, feed: EventFeed) {
    this.#hints = hints;
    this.#feed = feed;
  }

  get live(): boolean {
    return this.#feed.live;
  }

  hint(): void {
    this.#hinted = true;
    this.#wake?.();
  }

  async next(ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.onClose) this.#hints.open();
    if (!this.#hinted) {
      const woken = new AbortController();
      this.#wake = () => woken.abort();
      const stop = () => woken.abort();
      signal.addEventListener("abort", stop, { once: true });
      await sleep(ms, woken.signal).catch(() => undefined);
      signal.removeEventListener("abort", stop);
      this.#wake = undefined;
      signal.throwIfAborted();
    }
    this.#hinted = false;
  }

  close(): void {
    this.onClose?.();
    this.onClose = undefined;
    this.#wake?.();
  }
}

function idsOf({ containerId, podSandboxStatus }: ContainerEventResponse): Iterable<string> {
  const podId = podSandboxStatus?.id ?? "";
  return podId === "" || podId === containerId ? [containerId] : [containerId, podId];
}
