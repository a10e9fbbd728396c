import type { DescMessage, DescMethodStreaming, MessageShape } from "@bufbuild/protobuf";
import { CriError, criError } from "../core/index.js";
import { Call, type CallStart, FailedAttempt } from "./call.js";
import { decodeMessage } from "./codecs.js";
import { toConnectError } from "./connect-errors.js";
import type { RpcStreamResponse } from "./contract.js";
import { copyOf, malformed } from "./envelope.js";
import { toWebHeaders } from "./headers.js";

/**
 * Makes one attempt of a streaming call. Resolves with the response once its headers have arrived, or with the failure if the call
 * ended before. `requests` is the encoded body of a client-streaming or bidirectional call.
 */
export function attemptStream<I extends DescMessage, O extends DescMessage>(
  method: DescMethodStreaming<I, O>,
  start: CallStart,
  requests: AsyncIterator<Uint8Array> | undefined,
): Promise<RpcStreamResponse<I, O> | FailedAttempt> {
  return new Promise((resolve) => {
    // Filled at the end, but always the same object, so that an interceptor may copy the response.
    const trailer = new Headers();
    const queue = new MessageQueue({ pause: () => call.stream.pause(), resume: () => call.stream.resume() });
    const call: Call = new Call(start, {
      onHeaders(headers) {
        resolve({
          stream: true,
          service: method.parent,
          method,
          header: toWebHeaders(headers),
          trailer,
          message: messages(method.output, queue, call),
        });
      },
      onMessage: (bytes, start, end) => queue.push(copyOf(bytes, start, end)),
      onEnd(error, trailers, isUnprocessed) {
        for (const [name, value] of toWebHeaders(trailers)) trailer.append(name, value);
        // Requests that were read from an iterable cannot be read again.
        const unprocessed = isUnprocessed && requests === undefined;
        if (!unprocessed) start.scope.end();
        void requests?.return?.().catch(() => undefined);
        if (error) resolve(new FailedAttempt(error, unprocessed));
        queue.end(error);
      },
    });
    if (requests) void sendAll(requests, call);
  });
}

/**
 * Returns the response's messages. Leaving the loop early resets the stream, so that the server stops, too. Not a generator: a
 * generator does not run `return()` before its first `next()`, nor while a `next()` is pending.
 */
function messages<O extends DescMessage>(
  output: O,
  queue: MessageQueue,
  call: Call,
): AsyncIterableIterator<MessageShape<O>> {
  let isOver = false;
  const end = () => {
    isOver = true;
    call.cancel(criError("aborted_by_caller", "the caller stopped reading the stream"));
    return { done: true as const, value: undefined };
  };
  return {
    async next() {
      if (isOver) return { done: true, value: undefined };
      try {
        const bytes = await queue.pull();
        if (bytes && !isOver) return { done: false, value: decode(output, bytes) };
        return end();
      } catch (error) {
        const wasOver = isOver;
        end();
        if (wasOver) return { done: true, value: undefined };
        throw toConnectError(error);
      }
    },
    async return() {
      return end();
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

function decode<O extends DescMessage>(output: O, bytes: Uint8Array): MessageShape<O> {
  try {
    return decodeMessage(output, bytes);
  } catch (error) {
    throw malformed(`a message of the stream is not a valid ${output.typeName}`, error);
  }
}

async function sendAll(requests: AsyncIterator<Uint8Array>, call: Call): Promise<void> {
  try {
    for (let next = await requests.next(); !next.done; next = await requests.next())
      if (!call.stream.write(next.value)) await call.drained();
    call.stream.end();
  } catch (cause) {
    const text = "the request stream failed";
    call.cancel(cause instanceof CriError ? cause : criError("aborted_by_caller", text, { cause }));
  }
}

/** The source of a {@link MessageQueue}, which the queue pauses while its reader is slow. */
interface FlowControl {
  pause(): void;
  resume(): void;
}

/** Bytes of undelivered messages above which the source is paused. */
const highWaterBytes = 1 << 20;

/** Messages between the wire, which pushes, and one reader, which pulls: in order, with back-pressure, then an end. */
class MessageQueue {
  readonly #flow: FlowControl;
  #waiting: { resolve(message: Uint8Array | undefined): void; reject(error: unknown): void } | undefined;
  #messages: Uint8Array[] = [];
  #bytes = 0;
  #isPaused = false;
  #end: { readonly error: CriError | undefined } | undefined;

  constructor(flow: FlowControl) {
    this.#flow = flow;
  }

  push(message: Uint8Array): void {
    const waiting = this.#waiting;
    if (waiting) {
      this.#waiting = undefined;
      waiting.resolve(message);
      return;
    }
    this.#messages.push(message);
    this.#bytes += message.byteLength;
    if (this.#bytes <= highWaterBytes || this.#isPaused) return;
    this.#isPaused = true;
    this.#flow.pause();
  }

  /** Ends the queue. Messages that were pushed before are still delivered; then `pull` ends, or rejects with the error. */
  end(error: CriError | undefined): void {
    if (this.#end) return;
    this.#end = { error };
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (error) waiting?.reject(error);
    else waiting?.resolve(undefined);
  }

  /** Returns the next message; undefined after a clean end. One pull at a time. */
  pull(): Promise<Uint8Array | undefined> {
    const message = this.#messages.shift();
    if (message) {
      this.#bytes -= message.byteLength;
      if (this.#isPaused && this.#bytes < highWaterBytes / 2) {
        this.#isPaused = false;
        this.#flow.resume();
      }
      return Promise.resolve(message);
    }
    if (this.#end?.error) return Promise.reject(this.#end.error);
    if (this.#end) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }
}
