import type { ClientHttp2Stream } from "node:http2";
import {
  type DescMessage,
  type DescMethodStreaming,
  fromBinary,
  type MessageShape,
} from "@bufbuild/protobuf";
import { CriError } from "../core/index.js";
import { Call, type CallStart } from "./call.js";
import { toConnectError } from "./connect-errors.js";
import type { RpcStreamResponse } from "./contract.js";
import { malformed } from "./envelope.js";
import { toWebHeaders } from "./headers.js";
import { Inbox } from "./inbox.js";
import { Failed } from "./unary.js";

/**
 * Makes one attempt of a streaming call. Settles once the answer's headers are there, or with how the call ended
 * without them. `requests` is the body of a client-streaming or bidi call, already encoded.
 */
export function attemptStream<I extends DescMessage, O extends DescMessage>(
  method: DescMethodStreaming<I, O>,
  start: CallStart,
  requests: AsyncIterator<Buffer> | undefined,
): Promise<RpcStreamResponse<I, O> | Failed> {
  return new Promise((resolve) => {
    // Empty until the end, and the same object all along, so that an interceptor may copy the answer.
    const trailer = new Headers();
    const inbox = new Inbox({ pause: () => call.stream.pause(), resume: () => call.stream.resume() });
    const call: Call = new Call(start, {
      onHeaders(headers) {
        resolve({
          stream: true,
          service: method.parent,
          method,
          header: toWebHeaders(headers),
          trailer,
          message: messages(method.output, inbox, call),
        });
      },
      onMessage: (bytes) => inbox.push(bytes),
      onEnd(end) {
        for (const [name, value] of toWebHeaders(end.trailers)) trailer.append(name, value);
        // Requests that were taken from an iterable cannot be taken again.
        const untouched = end.untouched && requests === undefined;
        if (!untouched) start.lifeline.end();
        void requests?.return?.().catch(() => undefined);
        if (end.error) resolve(new Failed({ error: end.error, untouched }));
        inbox.end(end.error);
      },
    });
    if (requests) void sendAll(requests, call);
  });
}

/**
 * The answer's messages. Leaving the loop early resets the stream, so the server stops, too. No generator: that one
 * would not hear `return()` before its first `next()`, nor while one is waiting.
 */
function messages<O extends DescMessage>(
  output: O,
  inbox: Inbox,
  call: Call,
): AsyncIterableIterator<MessageShape<O>> {
  let over = false;
  const leave = () => {
    over = true;
    call.cancel(new CriError({ code: "canceled", reason: "aborted_by_caller", text: "the stream was left" }));
    return { done: true as const, value: undefined };
  };
  return {
    async next() {
      if (over) return { done: true, value: undefined };
      try {
        const bytes = await inbox.pull();
        if (bytes && !over) return { done: false, value: decode(output, bytes) };
        return leave();
      } catch (error) {
        const left = over;
        leave();
        if (left) return { done: true, value: undefined };
        throw toConnectError(error);
      }
    },
    async return() {
      return leave();
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

function decode<O extends DescMessage>(output: O, bytes: Uint8Array): MessageShape<O> {
  try {
    return fromBinary(output, bytes);
  } catch (error) {
    throw malformed(`a message of the stream is no ${output.typeName}`, error);
  }
}

async function sendAll(requests: AsyncIterator<Buffer>, call: Call): Promise<void> {
  try {
    for (let next = await requests.next(); !next.done; next = await requests.next())
      if (!call.stream.write(next.value)) await drained(call.stream);
    call.stream.end();
  } catch (cause) {
    const text = "the request stream failed";
    call.cancel(
      cause instanceof CriError
        ? cause
        : new CriError({ code: "canceled", reason: "aborted_by_caller", text, cause }),
    );
  }
}

/** Waits until the stream takes more, or is over. */
function drained(stream: ClientHttp2Stream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.closed || stream.destroyed) return resolve();
    const done = () => {
      stream.removeListener("drain", done);
      stream.removeListener("close", done);
      resolve();
    };
    stream.once("drain", done);
    stream.once("close", done);
  });
}
