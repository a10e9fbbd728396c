import type { ContainerEventResponse } from "../../gen/runtime/v1/api_pb.js";
import type { RuntimeClient } from "../clients/index.js";
import {
  type Backoff,
  type BackoffOptions,
  backoff,
  type CriError,
  criError,
  isCriError,
  type LinkedController,
  linkedController,
  sleep,
} from "../core/index.js";

/** Why no events arrive. */
export interface FeedDown {
  /** The error that ended the stream; undefined when the runtime ended the stream without one. */
  readonly error: CriError | undefined;
  /** Whether the runtime responds but does not serve events. The feed asks again once a minute. */
  readonly unsupported: boolean;
  /** Whether the client was closed: no events will follow. */
  readonly final: boolean;
}

/** Callbacks of a feed. They must not throw and must not block: one stream serves all listeners. */
export interface FeedListener {
  onEvent(event: ContainerEventResponse): void;
  /** A new stream is open: it carries all changes from now on. */
  onUp(): void;
  /** Called after each failed attempt to open a stream, so possibly several times in a row. */
  onDown(why: FeedDown): void;
}

/** A stream that lived longer than this resets the back-off. */
const stableMs = 5_000;
/** The timeout of the Version call that follows a new stream. */
const probeTimeoutMs = 10_000;
/** A refusal of the stream may arrive a moment after the response to a later call. */
const graceMs = 20;
/** When to ask again a runtime that does not serve events: it may have been upgraded. */
const unsupportedRetryMs = 60_000;
/** A runtime that responds but refuses this many streams in a row does not serve events. */
const maxRefusals = 3;

/**
 * The event stream of a connection, shared by all listeners: opened for the first, reopened whenever it ends, closed after the last.
 * There is only one, since containerd 1.7 distributes its events among all streams instead of copying them. It is read without delay,
 * since containerd 2.1 blocks all work on the node for a stream that is not read.
 */
export class EventFeed {
  readonly #runtime: Pick<RuntimeClient, "getContainerEvents" | "version">;
  readonly #firstPause: Backoff;
  readonly #listeners = new Set<FeedListener>();
  /** Set while the feed has listeners, and for `lingerMs` after that. */
  #run: AbortController | undefined;
  #stream: LinkedController | undefined;
  #lingerTimer: NodeJS.Timeout | undefined;
  #live = false;
  #retryAt = 0;
  #lastDown: FeedDown | undefined;

  constructor(
    runtime: Pick<RuntimeClient, "getContainerEvents" | "version">,
    options?: BackoffOptions | undefined,
  ) {
    this.#runtime = runtime;
    this.#firstPause = backoff(options);
  }

  /** Whether events arrive. */
  get live(): boolean {
    return this.#live;
  }

  /** Whether the stream is open, being opened, or in back-off. */
  get open(): boolean {
    return this.#run !== undefined;
  }

  /**
   * Adds a listener, and calls it at once with the current state, if there is one. Returns a function that removes the listener; when
   * it was the last one, the stream is closed after `lingerMs` milliseconds.
   */
  add(listener: FeedListener): (lingerMs?: number) => void {
    clearTimeout(this.#lingerTimer);
    this.#listeners.add(listener);
    if (!this.#run) {
      this.#run = new AbortController();
      void this.#supervise(this.#run.signal);
    } else if (this.#live) listener.onUp();
    else if (this.#lastDown) listener.onDown(this.#lastDown);
    return (lingerMs = 0) => {
      if (!this.#listeners.delete(listener) || this.#listeners.size > 0) return;
      if (lingerMs === 0) return this.#end();
      clearTimeout(this.#lingerTimer);
      this.#lingerTimer = setTimeout(() => this.#end(), lingerMs).unref();
    };
  }

  /** Cancels the current stream. The next one is opened after the back-off. */
  restart(error: CriError): void {
    this.#stream?.abort(error);
  }

  /** Closes the stream, notifies all listeners that no events follow, and removes them. */
  close(error: CriError): void {
    for (const listener of this.#listeners) listener.onDown({ error, unsupported: false, final: true });
    this.#listeners.clear();
    this.#end();
  }

  #end(): void {
    clearTimeout(this.#lingerTimer);
    const run = this.#run;
    this.#run = undefined;
    this.#live = false;
    this.#lastDown = undefined;
    run?.abort();
  }

  async #supervise(signal: AbortSignal): Promise<void> {
    let pause = this.#firstPause;
    let refusals = 0;
    while (!signal.aborted) {
      const waitMs = this.#retryAt - performance.now();
      if (waitMs > 0) {
        this.#notifyDown(undefined, true);
        if (!(await sleepUnlessAborted(waitMs, signal))) return;
      }
      const { error, liveMs } = await this.#runStream(signal);
      if (signal.aborted) return;
      if (error?.reason === "client_closed") return this.close(error);
      if (liveMs > stableMs) {
        pause = this.#firstPause;
        refusals = 0;
      } else if (isRefusal(error)) refusals++;
      if (error?.code === "unimplemented" || refusals >= maxRefusals) {
        this.#retryAt = performance.now() + unsupportedRetryMs;
        continue;
      }
      this.#retryAt = 0;
      this.#notifyDown(error, false);
      if (!(await sleepUnlessAborted(pause.delayMs(), signal))) return;
      pause = pause.next();
    }
  }

  /** Opens one stream and reads it to its end. */
  async #runStream(
    run: AbortSignal,
  ): Promise<{ readonly error: CriError | undefined; readonly liveMs: number }> {
    const stream = linkedController(run);
    this.#stream = stream;
    const { signal } = stream;
    const reading = this.#read(signal);
    // An open stream is silent until there is an event. The response to a later call shows that the stream has arrived.
    const probe = this.#runtime
      .version({}, { signal, timeoutMs: probeTimeoutMs })
      .then(() => sleep(graceMs, signal))
      .then(
        () => ({ isOpen: true, error: undefined }),
        (error: unknown) => ({ isOpen: false, error: toCriError(error) }),
      );
    const first = await Promise.race([probe, reading.then((error) => ({ isOpen: false, error }))]);
    let upAt: number | undefined;
    if (first.isOpen && !signal.aborted) {
      upAt = performance.now();
      this.#live = true;
      this.#lastDown = undefined;
      for (const listener of [...this.#listeners]) listener.onUp();
    } else stream.abort(first.error);
    const error = await reading;
    stream.unlink();
    stream.abort();
    // An aborted run must not overwrite the state of its successor.
    if (!run.aborted) this.#live = false;
    if (upAt === undefined) return { error: first.error ?? error, liveMs: 0 };
    return { error, liveMs: performance.now() - upAt };
  }

  /** Passes every event on. Resolves with the error that ended the stream, if any. */
  async #read(signal: AbortSignal): Promise<CriError | undefined> {
    try {
      for await (const event of this.#runtime.getContainerEvents({}, { signal })) {
        if (signal.aborted) break;
        for (const listener of [...this.#listeners]) listener.onEvent(event);
      }
      return undefined;
    } catch (error) {
      return toCriError(error);
    }
  }

  #notifyDown(error: CriError | undefined, unsupported: boolean): void {
    const down = { error, unsupported, final: false };
    this.#lastDown = down;
    for (const listener of [...this.#listeners]) listener.onDown(down);
  }
}

/** Returns whether a runtime that responds refused the stream. CRI-O without events ends it at once, without an error. */
function isRefusal(error: CriError | undefined): boolean {
  return error === undefined || !["unavailable", "deadline_exceeded", "canceled"].includes(error.code);
}

/** Waits. Returns false when the signal fired. */
function sleepUnlessAborted(ms: number, signal: AbortSignal): Promise<boolean> {
  return sleep(ms, signal).then(
    () => true,
    () => false,
  );
}

/** Returns the error as a CriError. The exact layer throws no other errors, but the user's own transport may. */
export function toCriError(cause: unknown): CriError {
  if (isCriError(cause)) return cause;
  return criError("runtime_error", String(cause), { code: "internal", cause });
}
