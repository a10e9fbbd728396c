import {
  CancellationScope,
  type CriError,
  deadlineError,
  isPromiseLike,
  monotonicMs,
} from "../../core/index.js";
import {
  errorCode,
  type HeaderFields,
  type HeaderMap,
  type MemoryLimit,
  type RepeatedHeaders,
  type Stream,
  type StreamReceiver,
} from "../../http2/index.js";
import { copyOf, EnvelopeReader } from "../../transport/index.js";
import {
  type Dispatcher,
  handleStream,
  handleUnary,
  type ResponseForm,
  type Route,
  rpcNameOf,
  toStatusError,
} from "../dispatch.js";
import { clientCanceled, rejectedCall, serverClosed } from "../errors.js";
import { type CallPeer, ServedContext } from "./context.js";
import type { CallWithDeadline, Deadlines } from "./deadlines.js";
import {
  noTrailers,
  okTrailers,
  readEncoding,
  readTimeoutMs,
  refusalHeaders,
  responseHeaders,
  statusTrailers,
} from "./headers.js";
import type { PlacedCall } from "./open-calls.js";

/** The settings that all calls of one server share. */
export interface CallSettings {
  readonly dispatcher: Dispatcher;
  readonly responseForm: ResponseForm<Uint8Array>;
  readonly deadlines: Deadlines;
  readonly readLimitBytes: number;
  /** The memory of all requests that have not arrived completely. */
  readonly buffers: MemoryLimit;
}

const noBytes = new Uint8Array(0);

/** One gRPC call on the server side: an HTTP/2 stream. */
export class ServedCall implements StreamReceiver, PlacedCall, CallWithDeadline {
  place = 0;
  readonly #stream: Stream;
  readonly #settings: CallSettings;
  readonly #peer: CallPeer;
  readonly #onOver: (call: ServedCall) => void;
  readonly #reader: EnvelopeReader;
  #headers: HeaderMap = {};
  #route: Route | undefined;
  /** When the deadline passes, on the clock of `monotonicMs`. */
  #deadlineAt: number | undefined;
  /** The deadline's timer. */
  #scope: CancellationScope | undefined;
  #context: ServedContext | undefined;
  #message: Uint8Array | undefined;
  /** The part of the server's request buffers that this call uses. */
  #bufferedBytes = 0;
  #isOver = false;
  #onDrained: (() => void) | undefined;

  /** `onOver` is called when the stream is closed. */
  constructor(stream: Stream, peer: CallPeer, settings: CallSettings, onOver: (call: ServedCall) => void) {
    this.#stream = stream;
    this.#settings = settings;
    this.#peer = peer;
    this.#onOver = onOver;
    this.#reader = new EnvelopeReader(settings.readLimitBytes);
  }

  /** Ends the call because the server closes: the client gets `unavailable`, and the handler's signal fires. */
  stop(): void {
    this.#fail(serverClosed());
  }

  onHeaders(headers: HeaderMap): void {
    this.#headers = headers;
    const refusal = refusalHeaders(headers);
    if (refusal) {
      this.#isOver = true;
      this.#sendHeadersOnly(refusal);
      return;
    }
    const timeoutMs = readTimeoutMs(headers);
    if (timeoutMs !== undefined) {
      this.#deadlineAt = monotonicMs() + timeoutMs;
      this.#settings.deadlines.add(this);
    }
    try {
      this.#route = this.#settings.dispatcher.find(headers[":path"] ?? "");
      this.#reader.encoding = readEncoding(headers);
    } catch (error) {
      this.#fail(toStatusError(error));
    }
  }

  startTimer(): void {
    if (this.#isOver || this.#deadlineAt === undefined) return;
    const remainingMs = this.#deadlineAt - monotonicMs();
    // Whole milliseconds, so that calls with the same timeout share a timer.
    this.#scope = new CancellationScope(Math.max(Math.ceil(remainingMs), 1), undefined);
    this.#scope.onStop({ cancel: () => this.#fail(deadlinePassed()) });
  }

  onData(chunk: Buffer, start: number, end: number): void {
    if (this.#isOver) return;
    try {
      this.#reader.push(chunk, start, end, this);
      this.#account(this.#reader.bufferedBytes + (this.#message?.byteLength ?? 0));
    } catch (error) {
      const known = toStatusError(error);
      const limit = this.#settings.readLimitBytes;
      // The reader's text is meant for clients; this is grpc-go's text for servers.
      const text = `received message larger than max (${limit} bytes)`;
      this.#fail(
        known.reason === "receive_limit" ? known.with({ rawMessage: text, hint: undefined }) : known,
      );
    }
  }

  /** Counts the memory of this call's request. Throws `receive_limit` if all requests together have too much. */
  #account(bytes: number): void {
    const added = bytes - this.#bufferedBytes;
    if (added === 0) return;
    this.#bufferedBytes = bytes;
    const { buffers } = this.#settings;
    if (!buffers.add(added) && added > 0)
      throw rejectedCall(
        `the requests that are arriving take more than ${buffers.limitBytes} bytes`,
        "resource_exhausted",
      );
  }

  /** Called by the {@link EnvelopeReader}. */
  onMessage(bytes: Uint8Array, start: number, end: number): void {
    if (this.#message) throw rejectedCall("the request has more than one message");
    this.#message = start === end ? noBytes : copyOf(bytes, start, end);
  }

  /** The metadata at the end of a request has no meaning in gRPC. */
  onTrailers(): void {}

  onEnd(): void {
    this.#handle();
  }

  onDrain(): void {
    this.#onDrained?.();
  }

  onClose(): void {
    if (!this.#isOver) {
      // A client that enforces its own deadline resets the stream; the reason is still the deadline.
      const isOverdue = this.#deadlineAt !== undefined && monotonicMs() >= this.#deadlineAt;
      this.#end(isOverdue ? deadlinePassed() : clientCanceled());
    }
    this.#onDrained?.();
    this.#onOver(this);
  }

  #handle(): void {
    const [route, message] = [this.#route, this.#message];
    if (this.#isOver || !route) return;
    if (!message || !this.#reader.atBoundary) {
      const what = this.#reader.atBoundary ? "has no message" : "ended within its message";
      this.#fail(rejectedCall(`the request ${what}`));
      return;
    }
    // Released early: a handler may run long after the message was decoded.
    this.#message = undefined;
    this.#account(0);
    try {
      if (route.kind === "unary") this.#handleUnary(route, message);
      else this.#handleStream(route, message).catch((error) => this.#fail(toStatusError(error)));
    } catch (error) {
      this.#fail(toStatusError(error));
    }
  }

  #handleUnary(route: Route, request: Uint8Array): void {
    const response = handleUnary(route, request, this.#contextOf(route), this.#settings.responseForm);
    if (isPromiseLike(response))
      response.then(
        (envelope) => this.#respond(envelope),
        (error) => this.#fail(toStatusError(error)),
      );
    else this.#respond(response);
  }

  #respond(envelope: Uint8Array): void {
    if (this.#isOver) return;
    this.#end(undefined);
    this.#stream.respondWhole(responseHeaders(this.#headers), envelope, okTrailers);
  }

  async #handleStream(route: Route, request: Uint8Array): Promise<void> {
    const envelopes = handleStream(route, request, this.#contextOf(route), this.#settings.responseForm);
    // The client sees an open stream before the first message.
    this.#stream.respond(responseHeaders(this.#headers));
    for await (const envelope of envelopes) {
      if (this.#isOver) return;
      if (!this.#stream.write(envelope)) await this.#drained();
      if (this.#isOver) return;
    }
    if (this.#isOver) return;
    this.#end(undefined);
    this.#stream.end(okTrailers);
  }

  #contextOf(route: Route): ServedContext {
    const remainingMs = this.#deadlineAt === undefined ? undefined : this.#deadlineAt - monotonicMs();
    this.#context = new ServedContext(rpcNameOf(route), remainingMs, this.#headers, this.#peer);
    return this.#context;
  }

  #fail(error: CriError): void {
    if (this.#isOver) return;
    this.#end(error);
    const trailers = statusTrailers(error);
    if (this.#stream.headersSent) this.#stream.end(noTrailers, trailers);
    else this.#sendHeadersOnly(responseHeaders(this.#headers), trailers);
  }

  /** Responds with headers only, without waiting for the rest of the request. */
  #sendHeadersOnly(headers: RepeatedHeaders, more?: HeaderFields): void {
    const stream = this.#stream;
    stream.respond(headers, more, { endStream: true });
    if (!stream.endedByPeer) stream.reset(errorCode.noError);
  }

  /** Ends the call; with an error, the handler's signal fires. */
  #end(error: CriError | undefined): void {
    this.#isOver = true;
    this.#message = undefined;
    this.#account(0);
    this.#scope?.end();
    if (error) this.#context?.cancel(error);
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#isOver) resolve();
      else this.#onDrained = resolve;
    });
  }
}

function deadlinePassed(): CriError {
  return deadlineError("the call's deadline passed");
}
