import { once } from "node:events";
import type { ClientHttp2Stream, IncomingHttpHeaders } from "node:http2";
import {
  type DescMessage,
  type DescMethodStreaming,
  fromBinary,
  type MessageShape,
} from "@bufbuild/protobuf";
import { CriError } from "../core/index.js";
import { type Call, type CallStart, startCall } from "./call.js";
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
    let trailers: IncomingHttpHeaders | undefined;
    const inbox = new Inbox({ pause: () => call.stream.pause(), resume: () => call.stream.resume() });
    const call: Call = startCall(start, {
      onHeaders(headers) {
        resolve({
          stream: true,
          service: method.parent,
          method,
          header: toWebHeaders(headers),
          get trailer() {
            return toWebHeaders(trailers);
          },
          message: messages(method.output, inbox, call),
        });
      },
      onMessage: (bytes) => inbox.push(bytes),
      onEnd(end) {
        trailers = end.trailers;
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

/** The answer's messages. Leaving the loop early resets the stream, so the server stops, too. */
async function* messages<O extends DescMessage>(
  output: O,
  inbox: Inbox,
  call: Call,
): AsyncGenerator<MessageShape<O>> {
  try {
    for (let bytes = await inbox.pull(); bytes; bytes = await inbox.pull()) yield decode(output, bytes);
  } catch (error) {
    throw toConnectError(error);
  } finally {
    call.cancel(new CriError({ code: "canceled", reason: "aborted_by_caller", text: "the stream was left" }));
  }
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

async function drained(stream: ClientHttp2Stream): Promise<void> {
  if (stream.closed) return;
  await Promise.race([once(stream, "drain"), once(stream, "close")]);
}
