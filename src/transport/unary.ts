import type { IncomingHttpHeaders } from "node:http2";
import {
  type DescMessage,
  type DescMethodUnary,
  type DescService,
  fromBinary,
  type MessageShape,
} from "@bufbuild/protobuf";
import type { CriError } from "../core/index.js";
import { Call, type CallEnd, type CallSink, type CallStart } from "./call.js";
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
    new Call(start, new UnarySink(method, resolve));
  });
}

class UnarySink<I extends DescMessage, O extends DescMessage> implements CallSink {
  readonly #method: DescMethodUnary<I, O>;
  readonly #resolve: (outcome: UnaryOutcome<I, O>) => void;
  #headers: IncomingHttpHeaders | undefined;
  #bytes: Uint8Array | undefined;
  #count = 0;

  constructor(method: DescMethodUnary<I, O>, resolve: (outcome: UnaryOutcome<I, O>) => void) {
    this.#method = method;
    this.#resolve = resolve;
  }

  onHeaders(headers: IncomingHttpHeaders): void {
    this.#headers = headers;
  }

  onMessage(message: Uint8Array): void {
    this.#bytes = message;
    this.#count++;
  }

  onEnd({ error, trailers, untouched }: CallEnd): void {
    this.#resolve(error ? new Failed({ error, untouched }) : this.#outcome(trailers, untouched));
  }

  #outcome(trailers: IncomingHttpHeaders | undefined, untouched: boolean): UnaryOutcome<I, O> {
    const method = this.#method;
    const bytes = this.#bytes;
    if (!bytes || this.#count !== 1) {
      const error = malformed(`a unary answer has one message, this one has ${this.#count}`);
      return new Failed({ error, untouched });
    }
    try {
      return new UnaryAnswer(method, fromBinary(method.output, bytes), this.#headers, trailers);
    } catch (cause) {
      const error = malformed(`the answer is no ${method.output.typeName}`, cause);
      return new Failed({ error, untouched });
    }
  }
}

/** A unary answer. Its headers are rarely looked at, and dear to make: they are made when asked for. */
class UnaryAnswer<I extends DescMessage, O extends DescMessage> {
  readonly stream = false;
  readonly method: DescMethodUnary<I, O>;
  readonly message: MessageShape<O>;
  readonly #headers: IncomingHttpHeaders | undefined;
  readonly #trailers: IncomingHttpHeaders | undefined;
  #header: Headers | undefined;
  #trailer: Headers | undefined;

  constructor(
    method: DescMethodUnary<I, O>,
    message: MessageShape<O>,
    headers: IncomingHttpHeaders | undefined,
    trailers: IncomingHttpHeaders | undefined,
  ) {
    this.method = method;
    this.message = message;
    this.#headers = headers;
    this.#trailers = trailers;
  }

  get service(): DescService {
    return this.method.parent;
  }

  get header(): Headers {
    this.#header ??= toWebHeaders(this.#headers);
    return this.#header;
  }

  get trailer(): Headers {
    this.#trailer ??= toWebHeaders(this.#trailers);
    return this.#trailer;
  }
}
