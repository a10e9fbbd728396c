import type { DescMessage, DescMethodUnary, DescService, MessageShape } from "@bufbuild/protobuf";
import type { HeaderMap } from "../http2/index.js";
import { Call, type CallEnd, type CallStart, FailedAttempt, type ResponseCallbacks } from "./call.js";
import { decodeMessage } from "./codecs.js";
import type { RpcUnaryResponse } from "./contract.js";
import { malformed } from "./envelope.js";
import { toWebHeaders } from "./headers.js";

/** The outcome of one attempt of a unary call. */
export type UnaryOutcome<I extends DescMessage, O extends DescMessage> =
  | RpcUnaryResponse<I, O>
  | FailedAttempt;

/** Makes one attempt of a unary call. Never rejects because of the peer; throws if nothing was sent. */
export function attemptUnary<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  start: CallStart,
): Promise<UnaryOutcome<I, O>> {
  return new Promise((resolve) => {
    new Call(start, new UnaryReceiver(method, resolve));
  });
}

class UnaryReceiver<I extends DescMessage, O extends DescMessage> implements ResponseCallbacks {
  readonly #method: DescMethodUnary<I, O>;
  readonly #resolve: (outcome: UnaryOutcome<I, O>) => void;
  #headers: HeaderMap | undefined;
  #bytes: Uint8Array | undefined;
  #count = 0;

  constructor(method: DescMethodUnary<I, O>, resolve: (outcome: UnaryOutcome<I, O>) => void) {
    this.#method = method;
    this.#resolve = resolve;
  }

  onHeaders(headers: HeaderMap): void {
    this.#headers = headers;
  }

  onMessage(message: Uint8Array): void {
    this.#bytes = message;
    this.#count++;
  }

  onEnd({ error, trailers, unprocessed }: CallEnd): void {
    this.#resolve(error ? new FailedAttempt({ error, unprocessed }) : this.#outcome(trailers, unprocessed));
  }

  #outcome(trailers: HeaderMap | undefined, unprocessed: boolean): UnaryOutcome<I, O> {
    const method = this.#method;
    const bytes = this.#bytes;
    if (!bytes || this.#count !== 1) {
      const error = malformed(`a unary response must contain one message, got ${this.#count}`);
      return new FailedAttempt({ error, unprocessed });
    }
    try {
      return new UnaryResponse(method, decodeMessage(method.output, bytes), this.#headers, trailers);
    } catch (cause) {
      const error = malformed(`the response is not a valid ${method.output.typeName}`, cause);
      return new FailedAttempt({ error, unprocessed });
    }
  }
}

/** A unary response. Its headers are rarely read and expensive to convert, so they are converted on first access. */
class UnaryResponse<I extends DescMessage, O extends DescMessage> {
  readonly stream = false;
  readonly method: DescMethodUnary<I, O>;
  readonly message: MessageShape<O>;
  readonly #headers: HeaderMap | undefined;
  readonly #trailers: HeaderMap | undefined;
  #header: Headers | undefined;
  #trailer: Headers | undefined;

  constructor(
    method: DescMethodUnary<I, O>,
    message: MessageShape<O>,
    headers: HeaderMap | undefined,
    trailers: HeaderMap | undefined,
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
