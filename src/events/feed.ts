import type { ContainerEventResponse } from "../../gen/runtime/v1/api_pb.js";
import type { RuntimeClient } from "../clients/index.js";
import { type Backoff, type BackoffOptions, backoff, type CriError, sleep } from "../core/index.js";
import { asCriError } from "./failures.js";

/** Why no events come. */
export interface FeedDown {
  /** What ended the stream; undefined for a stream that the runtime ended without an error. */
  readonly error: CriError | undefined;
  /** The runtime is there, and has no events to give. It is asked again once a minute. */
  readonly unsupported: boolean;
  /** The client was closed: nothing more comes. */
  readonly final: boolean;
}

/** Who hears of the events. Must not throw, and must not take long: the stream is read for all at one time. */
export interface FeedListener {
  onEvent(event: ContainerEventResponse): void;
  /** A new stream is there: what happens from now on comes as events. */
  onUp(): void;
  /** Told after each attempt that failed, so more than once. */
  onDown(why: FeedDown): void;
}

/** A stream that lived this long was a good one: the next back-off begins anew. */
const settledMs = 5_000;
/** How long a Version call behind a new stream may take. */
const barrierMs = 10_000;
/** Refusals of the stream may come a moment after the answer to a later call. */
const graceMs = 20;
/** When a runtime that has no events is asked again: it may have been upgraded. */
const unsupportedMs = 60_000;
/** So many refusals in a row, by a runtime that answers, say that it has no events. */
const maxRefusals = 3;

/**
 * The one stream of events of a connection, for whoever listens: opened by the first, ended after the last, opened again
 * after each end. One only, since containerd 1.7 deals its events out among its streams. It is read as fast as it comes,
 * since containerd 2.1 stops all work on the node for a reader that does not.
 */
export class EventFeed {
  readonly #runtime: Pick<RuntimeClient, "getContainerEvents" | "version">;
  readonly #firstPause: Backoff;
  readonly #listeners = new Set<FeedListener>();
  /** Set while the stream is open, or is being opened. */
  #run: AbortController | undefined;
  #attempt: AbortController | undefined;
  #linger: NodeJS.Timeout | undefined;
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

  /** Whether events come. */
  get live(): boolean {
    return this.#live;
  }

  /** Whether the stream is open, being opened, or waited for. */
  get open(): boolean {
    return this.#run !== undefined;
  }

  /** Listens from now on, and is told at once how things stand. What is given back ends it, and after the last one, and `lingerMs` more, the stream. */
  add(listener: FeedListener): (lingerMs?: number) => void {
    clearTimeout(this.#linger);
    this.#listeners.add(listener);
    if (!this.#run) {
      this.#run = new AbortController();
      void this.#supervise(this.#run.signal);
    } else if (this.#live) listener.onUp();
    else if (this.#lastDown) listener.onDown(this.#lastDown);
    return (lingerMs = 0) => {
      if (!this.#listeners.delete(listener) || this.#listeners.size > 0) return;
      if (lingerMs === 0) return this.#end();
      clearTimeout(this.#linger);
      this.#linger = setTimeout(() => this.#end(), lingerMs).unref();
    };
  }

  /** Gives the stream at hand up, and opens another one after a pause. */
  restart(error: CriError): void {
    this.#attempt?.abort(error);
  }

  /** Ends the stream, and tells those who listen that nothing more comes. */
  close(error: CriError): void {
    for (const listener of this.#listeners) listener.onDown({ error, unsupported: false, final: true });
    this.#listeners.clear();
    this.#end();
  }

  #end(): void {
    clearTimeout(this.#linger);
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
        this.#down(undefined, true);
        if (!(await slept(waitMs, signal))) return;
      }
      const { error, liveMs } = await this.#follow(signal);
      if (signal.aborted) return;
      if (error?.reason === "client_closed") return this.close(error);
      if (liveMs > settledMs) {
        pause = this.#firstPause;
        refusals = 0;
      } else if (isRefusal(error)) refusals++;
      if (isUnimplemented(error) || refusals >= maxRefusals) {
        this.#retryAt = performance.now() + unsupportedMs;
        continue;
      }
      this.#retryAt = 0;
      this.#down(error, false);
      if (!(await slept(pause.delayMs(), signal))) return;
      pause = pause.next();
    }
  }

  /** One stream, from its opening to its end. */
  async #follow(
    outer: AbortSignal,
  ): Promise<{ readonly error: CriError | undefined; readonly liveMs: number }> {
    const stop = new AbortController();
    const forward = () => stop.abort(outer.reason);
    outer.addEventListener("abort", forward, { once: true });
    this.#attempt = stop;
    const { signal } = stop;
    const reading = this.#read(signal);
    // A stream says nothing until there is an event. An answer to a call behind it says that it arrived.
    const barrier = this.#runtime
      .version({}, { signal, timeoutMs: barrierMs })
      .then(() => sleep(graceMs, signal))
      .then(
        () => ({ through: true, error: undefined }),
        (error: unknown) => ({ through: false, error: asCriError(error) }),
      );
    const first = await Promise.race([barrier, reading.then((error) => ({ through: false, error }))]);
    let upAt: number | undefined;
    if (first.through && !signal.aborted) {
      upAt = performance.now();
      this.#live = true;
      this.#lastDown = undefined;
      for (const listener of [...this.#listeners]) listener.onUp();
    } else stop.abort(first.error);
    const error = await reading;
    outer.removeEventListener("abort", forward);
    stop.abort();
    // A run that was given up must not speak for its successor.
    if (!outer.aborted) this.#live = false;
    if (upAt === undefined) return { error: first.error ?? error, liveMs: 0 };
    return { error, liveMs: performance.now() - upAt };
  }

  /** Hands on every event. Resolves with how the stream ended. */
  async #read(signal: AbortSignal): Promise<CriError | undefined> {
    try {
      for await (const event of this.#runtime.getContainerEvents({}, { signal })) {
        if (signal.aborted) break;
        for (const listener of [...this.#listeners]) listener.onEvent(event);
      }
      return undefined;
    } catch (error) {
      return asCriError(error);
    }
  }

  #down(error: CriError | undefined, unsupported: boolean): void {
    const down = { error, unsupported, final: false };
    this.#lastDown = down;
    for (const listener of [...this.#listeners]) listener.onDown(down);
  }
}

/** Whether a runtime that answers did not give the stream. CRI-O without events ends it at once, without an error. */
function isRefusal(error: CriError | undefined): boolean {
  return error === undefined || !["unavailable", "deadline_exceeded", "canceled"].includes(error.code);
}

function isUnimplemented(error: CriError | undefined): boolean {
  return error?.code === "unimplemented";
}

/** Waits; false when the signal fired. */
async function slept(ms: number, signal: AbortSignal): Promise<boolean> {
  return sleep(ms, signal).then(
    () => true,
    () => false,
  );
}
