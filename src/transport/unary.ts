import type { IncomingHttpHeaders } from "node:http2";
import { type DescMessage, type DescMethodUnary, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import type { CriError } from "../core/index.js";
import { type CallStart, startCall } from "./call.js";
import type { RpcUnaryResponse } from "./contract.js";
import { malformed } from "./envelope.js";
import { toWebHeaders } from "./headers.js";

/** One attempt of a unary call: its answer, or how it ended without one. */
export type UnaryOutcome<I extends DescMessage, O extends DescMessage> = RpcUnaryResponse<I, O> | Failed;

/** An attempt that failed. */
export class Failed {
  readonly error: CriError;
  /** Whether it is certain that the peer never looked at the call. */
  readonly untouched: boolean;

  constructor({ error, untouched }: { readonly error: CriError; readonly untouched: boolean }) {
    this.error = error;
    this.untouched = untouched;
  }
}

/** Makes one attempt. Never rejects for what the peer does; throws only what Node throws when nothing was sent. */
export function attemptUnary<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  start: CallStart,
): Promise<UnaryOutcome<I, O>> {
  return new Promise((resolve) => {
    let headers: IncomingHttpHeaders | undefined;
    let bytes: Uint8Array | undefined;
    let count = 0;
    startCall(start, {
      onHeaders(received) {
        headers = received;
      },
      onMessage(message) {
        bytes = message;
        count++;
      },
      onEnd(end) {
        const fail = (error: CriError) => resolve(new Failed({ error, untouched: end.untouched }));
        if (end.error) return fail(end.error);
        if (!bytes || count !== 1)
          return fail(malformed(`a unary answer has one message, this one has ${count}`));
        try {
          resolve(answer(method, fromBinary(method.output, bytes), headers, end.trailers));
        } catch (error) {
          fail(malformed(`the answer is no ${method.output.typeName}`, error));
        }
      },
    });
  });
}

/**
 * A unary answer. Its headers are rarely looked at, and dear to make: they are made when asked for. A literal, and
 * no class, so that an interceptor may copy it with `{ ...answer, message }`.
 */
function answer<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  message: MessageShape<O>,
  headers: IncomingHttpHeaders | undefined,
  trailers: IncomingHttpHeaders | undefined,
): RpcUnaryResponse<I, O> {
  let header: Headers | undefined;
  let trailer: Headers | undefined;
  return {
    stream: false,
    service: method.parent,
    method,
    message,
    get header() {
      header ??= toWebHeaders(headers);
      return header;
    },
    get trailer() {
      trailer ??= toWebHeaders(trailers);
      return trailer;
    },
  };
}
