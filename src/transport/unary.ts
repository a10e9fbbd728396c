import type { DescMessage, DescMethodUnary, DescService, MessageShape } from "@bufbuild/protobuf";
import type { CriError } from "../core/index.js";
import type { HeaderMap } from "../http2/index.js";
import { Call, type CallStart, FailedAttempt, type ResponseCallbacks } from "./call.js";
import { decodeMessage } from "./codecs.js";
import type { RpcUnaryResponse } from "./contract.js";
import { malformed } from "./envelope.js";
import { toWebHeaders } from "./headers.js";

/** The outcome of one attempt of a unary call. */
export type UnaryOutcome<I extends DescMessage, O extends DescMessage> =
  | RpcUnaryResponse<I, O>
  | FailedAttempt;

/** Makes one attempt of a unary call, and calls back once with its outcome. Throws if nothing was sent. */
export function attemptUnary<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  start: CallStart,
  onOutcome: (outcome: UnaryOutcome<I, O>) => void,
): void {
  new Call(start, new UnaryReceiver(method, onOutcome));
}

class UnaryReceiver<I extends DescMessage, O extends DescMessage> implements ResponseCallbacks {
  readonly #method: DescMethodUnary<I, O>;
  readonly #onOutcome: (outcome: UnaryOutcome<I, O>) => void;
  #headers: HeaderMap | undefined;
  #message: MessageShape<O> | undefined;
  /** Why the message cannot be decoded. */
  #problem: CriError | undefined;
  #count = 0;

  constructor(method: DescMethodUnary<I, O>, onOutcome: (outcome: UnaryOutcome<I, O>) => void) {
    this.#method = method;
    this.#onOutcome = onOutcome;
  }

  onHeaders(headers: HeaderMap): void {
    this.#headers = headers;
  }

  /** Decodes the message at once: its bytes do not stay valid. */
  onMessage(bytes: Uint8Array, start: number, end: number): void {
    this.#count++;
    const { output } = this.#method;
    try {
      this.#message = decodeMessage(output, bytes, start, end);
    } catch (cause) {
      this.#problem = malformed(`the response is not a valid ${output.typeName}`, cause);
    }
  }

  onEnd(error: CriError | undefined, trailers: HeaderMap | undefined, unprocessed: boolean): void {
    const failure = error ?? this.#failure();
    this.#onOutcome(
      failure === undefined
        ? new UnaryResponse(this.#method, this.#message as MessageShape<O>, this.#headers, trailers)
        : new FailedAttempt(failure, unprocessed),
    );
  }

  /** Returns the problem of a response with the status OK; undefined if it has its one message. */
  #failure(): CriError | undefined {
    if (this.#count === 1) return this.#problem;
    return malformed(`a unary response must contain one message, got ${this.#count}`);
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
