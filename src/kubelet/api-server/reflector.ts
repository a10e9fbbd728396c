import { StringDecoder } from "node:string_decoder";
import { isRecord, linkedController, monotonicMs } from "../../core/index.js";
import type { KubeletLoop } from "../kubelet-view.js";
import type { ApiQuery } from "./api-client.js";
import { type ApiContext, RetryDelays } from "./api-context.js";
import { ApiServerError, statusOf } from "./api-error.js";
import { type ApiList, type ApiObject, keyOf } from "./api-objects.js";

/** A watch that lasted this long counts as a success, even without events. */
const healthyMs = 5_000;

/** The resource that a {@link Reflector} follows, and its callback. */
export interface ReflectorOptions<T> {
  /** Of the collection. */
  readonly path: string;
  readonly fieldSelector?: string | undefined;
  /** Whether the selector only saves work: an API server that does not know it is asked without it. @default false */
  readonly isSelectorOptional?: boolean | undefined;
  /** Called after the first list and after each change, with the objects that have changed; undefined after a list. */
  readonly onChange?: ((changed: readonly T[] | undefined) => void) | undefined;
}

/** The statuses of answers after which the objects are listed again: the version is too old, or the server does not know it. */
const staleStatuses: ReadonlySet<number | undefined> = new Set([400, 404, 410, 500, 504]);

/**
 * Keeps a copy of a collection: a list, then a watch from its version on, with bookmarks. An outage leaves the copy as it was; afterwards
 * the watch continues from the last version, or, where that is too old, a new list replaces the copy, so that nothing deleted stays.
 *
 * The informer of @kubernetes/client-node does this job, too, but ends at the first failure, asks for no bookmarks, has no back-off where
 * watches end at once (1.4), watches on after `stop()` during a list, and shows a Pod that replaced another one of its name during an
 * outage as a change of that.
 */
export class Reflector<T extends ApiObject> implements KubeletLoop {
  readonly #context: Pick<ApiContext, "client" | "clock" | "retry">;
  readonly #options: ReflectorOptions<T>;
  readonly #delays: RetryDelays;
  readonly #objects = new Map<string, T>();
  readonly #waiters = new Set<() => void>();
  #isSynced = false;
  #failure: unknown;
  #fieldSelector: string | undefined;
  /** The version to watch from; undefined before a list. */
  #version: string | undefined;

  constructor(context: Pick<ApiContext, "client" | "clock" | "retry">, options: ReflectorOptions<T>) {
    this.#context = context;
    this.#options = options;
    this.#fieldSelector = options.fieldSelector;
    this.#delays = new RetryDelays(context);
  }

  /** By `namespace/name`. */
  get objects(): ReadonlyMap<string, T> {
    return this.#objects;
  }

  /** Whether the collection was read at least once. */
  get isSynced(): boolean {
    return this.#isSynced;
  }

  /** Why the last attempt failed; undefined while none has. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Calls back once the collection was read; at once when it was. Returns a function that removes the callback. */
  onceSynced(callback: () => void): () => void {
    if (this.#isSynced) callback();
    else this.#waiters.add(callback);
    return () => this.#waiters.delete(callback);
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted)
      try {
        if (this.#version === undefined) await this.#list(signal);
        await this.#watch(signal);
        this.#delays.reset();
      } catch (error) {
        if (signal.aborted) return;
        if (staleStatuses.has(statusOf(error))) this.#version = undefined;
        this.#failure = error;
        if (statusOf(error) === 400 && this.#options.isSelectorOptional) this.#fieldSelector = undefined;
        await this.#delays.wait(error, signal).catch(() => undefined);
      }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { path } = this.#options;
    const query: ApiQuery = { fieldSelector: this.#fieldSelector };
    const list = await this.#context.client.request<ApiList<T>>("GET", path, { query, signal });
    signal.throwIfAborted();
    this.#objects.clear();
    for (const object of list.items ?? []) this.#objects.set(keyOf(object), object);
    this.#version = list.metadata?.resourceVersion;
    this.#isSynced = true;
    for (const callback of this.#waiters) callback();
    this.#waiters.clear();
    this.#options.onChange?.(undefined);
  }

  /** Watches until the watch ends. Rejects if it fails, or ends at once without having reported anything. */
  async #watch(signal: AbortSignal): Promise<void> {
    const { path } = this.#options;
    const timeoutSeconds = Math.round(300 + 300 * Math.random());
    const query: ApiQuery = {
      ...{ watch: true, allowWatchBookmarks: true, timeoutSeconds },
      ...{ fieldSelector: this.#fieldSelector, resourceVersion: this.#version },
    };
    const startedAt = monotonicMs();
    const controller = linkedController(signal);
    // Servers end watches after a while; one that hangs must not block this one for ever.
    const timer = setTimeout(
      () => controller.abort(new ApiServerError("the watch did not end in time")),
      (timeoutSeconds + 30) * 1_000,
    );
    let count = 0;
    try {
      const response = await this.#context.client.open(path, query, controller.signal);
      const lines = new LineSplitter();
      for await (const chunk of response as AsyncIterable<Uint8Array>) {
        const events = lines.push(chunk).map((line) => parseEvent<T>(line));
        count += events.length;
        this.#apply(events);
      }
    } catch (error) {
      signal.throwIfAborted();
      // A quiet watch that was cut off is tried again soon.
      if (monotonicMs() - startedAt > healthyMs) this.#delays.reset();
      if (error instanceof ApiServerError) throw error;
      throw new ApiServerError(`the watch of ${path} was cut off`, { cause: error });
    } finally {
      clearTimeout(timer);
      controller.unlink();
      controller.abort();
    }
    signal.throwIfAborted();
    if (count === 0 && monotonicMs() - startedAt < 1_000)
      throw new ApiServerError(`the watch of ${path} ended at once`);
  }

  #apply(events: readonly WatchEvent<T>[]): void {
    const changed: T[] = [];
    try {
      for (const { type, object } of events) {
        if (type === "ERROR") throw eventError(object);
        this.#delays.reset();
        this.#version = object.metadata?.resourceVersion ?? this.#version;
        if (type === "BOOKMARK") continue;
        if (type === "DELETED") this.#objects.delete(keyOf(object));
        else this.#objects.set(keyOf(object), object);
        changed.push(object);
      }
    } finally {
      if (changed.length > 0) this.#options.onChange?.(changed);
    }
  }
}

interface WatchEvent<T> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: T;
}

const eventTypes: ReadonlySet<unknown> = new Set(["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"]);

function parseEvent<T>(line: string): WatchEvent<T> {
  let event: unknown;
  try {
    event = JSON.parse(line);
  } catch (cause) {
    throw new ApiServerError("a line of a watch is not JSON", { cause });
  }
  if (isRecord(event) && eventTypes.has(event.type) && isRecord(event.object))
    return event as unknown as WatchEvent<T>;
  throw new ApiServerError("a line of a watch is not an event");
}

/** Returns the error for an event of the type ERROR, whose object is a Status. */
function eventError(object: object): ApiServerError {
  const { code, message, reason } = object as { code?: unknown; message?: unknown; reason?: unknown };
  return new ApiServerError(typeof message === "string" ? message : "the watch failed", {
    status: typeof code === "number" ? code : 500,
    statusReason: typeof reason === "string" ? reason : undefined,
  });
}

/** Splits chunks of bytes into lines. */
class LineSplitter {
  readonly #decoder = new StringDecoder("utf8");
  #rest = "";

  push(chunk: Uint8Array): string[] {
    const lines = (this.#rest + this.#decoder.write(Buffer.from(chunk))).split("\n");
    this.#rest = lines.pop() ?? "";
    return lines.filter((line) => line.trim() !== "");
  }
}
