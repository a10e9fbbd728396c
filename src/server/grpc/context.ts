import type { CriError } from "../../core/index.js";
import type { HeaderMap } from "../../http2/index.js";
import type { CallContext } from "../implementation.js";
import { metadataOf } from "./headers.js";

/** The client of a call. */
export interface CallPeer {
  /** The name that handlers see: `unix:7`. */
  readonly name: string;
  /** Destroys the connection, as a crash would. */
  readonly cut: () => void;
}

/** Leads from a context, from objects that inherit from it, and from its proxies to the context itself, whose fields are private. */
const self = Symbol("context");

/** What a handler sees of its call. The signal and the metadata are created when they are first used: most handlers need neither. */
export class ServedContext implements CallContext {
  readonly method: string;
  readonly deadline: Date | undefined;
  readonly peer: string;
  declare readonly signal: AbortSignal;
  declare readonly headers: Readonly<Record<string, string>>;
  declare readonly [self]: ServedContext;
  readonly cutConnection: () => void;
  readonly #received: HeaderMap;
  #headers: Readonly<Record<string, string>> | undefined;
  #abort: AbortController | undefined;
  #canceledBy: CriError | undefined;

  constructor(method: string, remainingMs: number | undefined, received: HeaderMap, peer: CallPeer) {
    this.method = method;
    this.deadline = remainingMs === undefined ? undefined : new Date(Date.now() + remainingMs);
    this.peer = peer.name;
    this.cutConnection = peer.cut;
    this.#received = received;
    // Own properties, so that a copy of the context has them, too.
    Object.defineProperty(this, "signal", signal);
    Object.defineProperty(this, "headers", headers);
    Object.defineProperty(this, self, { value: this });
  }

  /** Fires the signal. */
  cancel(error: CriError): void {
    this.#canceledBy = error;
    this.#abort?.abort(error);
  }

  static signalOf(context: ServedContext): AbortSignal {
    if (!context.#abort) {
      context.#abort = new AbortController();
      if (context.#canceledBy) context.#abort.abort(context.#canceledBy);
    }
    return context.#abort.signal;
  }

  static headersOf(context: ServedContext): Readonly<Record<string, string>> {
    context.#headers ??= metadataOf(context.#received);
    return context.#headers;
  }
}

/** Defines a property that is computed when it is read. */
function computed<T>(get: (context: ServedContext) => T): PropertyDescriptor {
  return {
    enumerable: true,
    configurable: true,
    get(this: ServedContext) {
      return get(this[self]);
    },
  };
}
const signal = computed(ServedContext.signalOf);
const headers = computed(ServedContext.headersOf);
