import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import { CriError, Lifeline } from "../core/index.js";
import { toConnectError } from "../transport/index.js";
import { toStatusError } from "./dispatch.js";
import { callOver } from "./errors.js";

/** A call in memory: its span, what its handler hears of that, and what its client does. */
export class MemoryCall {
  /** Whether the handler came to its end. */
  done = false;
  readonly #lifeline: Lifeline;
  readonly #abort = new AbortController();
  readonly #onEnd: () => void;
  #reject: ((error: CriError) => void) | undefined;

  constructor(timeoutMs: number | undefined, signal: AbortSignal | undefined, onEnd: () => void) {
    this.#onEnd = onEnd;
    this.#lifeline = new Lifeline(timeoutMs, signal);
    if (this.#lifeline.stopped) this.#abort.abort(this.#lifeline.stopped);
    // Also while the client waits for nothing: a handler is told at once, as on a socket.
    this.#lifeline.onStop({
      cancel: (error) => {
        onEnd();
        this.#abort.abort(error);
        this.#reject?.(error);
      },
    });
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get stopped(): CriError | undefined {
    return this.#lifeline.stopped;
  }

  get deadline(): Date | undefined {
    const { remainingMs } = this.#lifeline;
    return remainingMs === undefined ? undefined : new Date(Date.now() + remainingMs);
  }

  /** Ends the call from outside: its deadline and its signal do that by themselves. */
  stop(error: CriError): void {
    this.#lifeline.stop(error);
  }

  /** Waits for the handler, or rejects as soon as the call is stopped. */
  race<T>(work: Promise<T>): Promise<T> {
    // A handler whose call is over fails for nobody.
    work.catch(() => undefined);
    if (this.stopped) return Promise.reject(this.stopped);
    return new Promise<T>((resolve, reject) => {
      this.#reject = reject;
      work.then(resolve, reject);
    }).finally(() => {
      this.#reject = undefined;
    });
  }

  /** What the client is told: the end that came from its own side, or what the handler failed with, as on a socket. */
  failure(error: unknown): CriError {
    if (this.stopped) return this.stopped;
    const { code, text, reason } = toStatusError(error);
    // What cannot be decoded is found on the client's side.
    if (reason === "malformed_response") return toStatusError(error);
    return new CriError({ code, reason: "runtime_error", text });
  }

  /** No more is wanted of the call: a handler that is not done is told so. */
  end(): void {
    this.#lifeline.end();
    this.#onEnd();
    if (this.done) return;
    this.#abort.abort(callOver());
    this.#reject?.(callOver());
  }
}

/** An answer's message. Throws `malformed_response` for bytes that are none. */
export function decodeAnswer<O extends DescMessage>(schema: O, bytes: Uint8Array): MessageShape<O> {
  try {
    return fromBinary(schema, bytes);
  } catch (cause) {
    const text = `the answer is no ${schema.typeName}`;
    throw new CriError({ code: "internal", reason: "malformed_response", text, cause });
  }
}

/**
 * A call takes a turn of the event loop, as it does on a socket: a caller that makes one after the other would keep
 * timers and everything else waiting otherwise.
 */
export function turnOfTheLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** After how many messages of a stream the event loop has its turn: neither side may wait for anything else. */
const messagesPerTurn = 64;

/**
 * A streaming answer in memory. Its handler runs before it is read, and one message ahead, as it does on a socket: an
 * event that comes between a call and the first look at its answer is not lost.
 */
export class MemoryStream<O extends DescMessage> implements AsyncIterableIterator<MessageShape<O>> {
  readonly #output: O;
  readonly #call: MemoryCall;
  readonly #answers: AsyncGenerator<Uint8Array>;
  #ahead: Promise<IteratorResult<Uint8Array>>;
  #over = false;
  #given = 0;

  constructor(output: O, call: MemoryCall, answers: AsyncGenerator<Uint8Array>) {
    this.#output = output;
    this.#call = call;
    this.#answers = answers;
    this.#ahead = this.#ask();
  }

  async next(): Promise<IteratorResult<MessageShape<O>>> {
    if (this.#over) return { done: true, value: undefined };
    try {
      if (++this.#given % messagesPerTurn === 0) await this.#call.race(turnOfTheLoop());
      const next = await this.#call.race(this.#ahead);
      if (next.done) {
        this.#call.done = true;
        return this.return();
      }
      if (!this.#over) this.#ahead = this.#ask();
      return { done: false, value: decodeAnswer(this.#output, next.value) };
    } catch (error) {
      if (this.#over) return { done: true, value: undefined };
      const failure = this.#call.failure(error);
      void this.return();
      throw toConnectError(failure);
    }
  }

  async return(): Promise<IteratorResult<MessageShape<O>>> {
    this.#over = true;
    this.#call.end();
    // After the handler's signal, which ends what it waits for.
    this.#answers.return(undefined).catch(() => undefined);
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #ask(): Promise<IteratorResult<Uint8Array>> {
    const next = this.#answers.next();
    next.catch(() => undefined);
    return next;
  }
}
