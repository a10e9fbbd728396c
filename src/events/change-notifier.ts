import type { ContainerEventResponse } from "../../gen/runtime/v1/api_pb.js";
import { ChangeSignal } from "../core/index.js";
import type { EventFeed, FeedListener } from "./feed.js";

/** One subscription to changes of sandboxes and containers. Notifications are hints: they prove nothing. */
export interface ChangeSubscription {
  /** Whether the runtime's events arrive now; while they do not, the subscriber has to poll more often. */
  readonly live: boolean;
  /**
   * Resolves with the next notification since the last call, or after `ms` milliseconds. Rejects with the signal's reason when the
   * signal fires. One call at a time.
   */
  next(ms: number, signal: AbortSignal): Promise<void>;
  /** Ends the subscription. Idempotent. */
  close(): void;
}

/** How long the event stream stays open after the last subscription, for the next one of a loop, in milliseconds. */
const lingerMs = 250;

/**
 * Notifies subscribers that a sandbox or container may have changed: when an event names it, and when the event stream begins or ends.
 */
export class ChangeNotifier {
  readonly #feed: EventFeed;
  readonly #subscriptions = new Map<string, Set<Subscription>>();
  #count = 0;
  #release: ((lingerMs?: number) => void) | undefined;

  constructor(feed: EventFeed) {
    this.#feed = feed;
  }

  /**
   * Subscribes to changes of the sandboxes and containers with these ids. The first `next` opens the event stream if it is not open
   * yet. Close the subscription afterwards.
   */
  subscribe(ids: readonly string[]): ChangeSubscription {
    const subscription = new Subscription(
      this.#feed,
      () => this.#open(),
      () => this.#forget(ids, subscription),
    );
    this.#count++;
    for (const id of ids) {
      const others = this.#subscriptions.get(id);
      if (others) others.add(subscription);
      else this.#subscriptions.set(id, new Set([subscription]));
    }
    // An open stream could otherwise end between this call and the first `next`.
    if (this.#feed.open) this.#open();
    return subscription;
  }

  #open(): void {
    this.#release ??= this.#feed.add(this.#listener);
  }

  #forget(ids: readonly string[], subscription: Subscription): void {
    for (const id of ids) {
      const all = this.#subscriptions.get(id);
      all?.delete(subscription);
      if (all?.size === 0) this.#subscriptions.delete(id);
    }
    if (--this.#count > 0) return;
    this.#release?.(lingerMs);
    this.#release = undefined;
  }

  readonly #listener: FeedListener = {
    onEvent: (event) => {
      for (const id of idsOf(event)) for (const one of this.#subscriptions.get(id) ?? []) one.notify();
    },
    onUp: () => this.#notifyAll(),
    onDown: ({ final }) => {
      if (final) this.#release = undefined;
      this.#notifyAll();
    },
  };

  // No event reports what happened before the stream began, and without events subscribers have to poll.
  #notifyAll(): void {
    for (const all of this.#subscriptions.values()) for (const one of all) one.notify();
  }
}

class Subscription implements ChangeSubscription {
  readonly #feed: EventFeed;
  readonly #openStream: () => void;
  readonly #onClose: () => void;
  readonly #changed = new ChangeSignal();
  #isClosed = false;

  constructor(feed: EventFeed, openStream: () => void, onClose: () => void) {
    this.#feed = feed;
    this.#openStream = openStream;
    this.#onClose = onClose;
  }

  get live(): boolean {
    return this.#feed.live;
  }

  readonly notify = this.#changed.notify;

  async next(ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (!this.#isClosed) this.#openStream();
    await this.#changed.wait({ timeoutMs: ms, signal });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#onClose();
    this.notify();
  }
}

/** Returns the ids that an event names: its container's and its pod's. */
function idsOf({ containerId, podSandboxStatus }: ContainerEventResponse): Iterable<string> {
  const podId = podSandboxStatus?.id ?? "";
  return podId === "" || podId === containerId ? [containerId] : [containerId, podId];
}
