import {
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import { type CriError, deadlineError, isCriError, Lifeline } from "../../core/index.js";
import { EnvelopeReader, encodeEnvelope } from "../../transport/index.js";
import {
  answerUnary,
  type Dispatcher,
  openStream,
  type Route,
  rpcNameOf,
  toStatusError,
} from "../dispatch.js";
import { callOver, callRefused, serverClosed } from "../errors.js";
import type { CallContext } from "../implementation.js";
import { answerType, metadataOf, readEncoding, readTimeoutMs, refusalStatus } from "./request.js";
import { okTrailers, statusTrailers } from "./status.js";

/** What calls of one server share. */
export interface CallHost {
  readonly dispatcher: Dispatcher;
  readonly readLimitBytes: number;
  readonly writeLimitBytes: number;
}

/** Whose call it is. */
export interface CallPeer {
  /** As handlers are told: `unix:7`. */
  readonly name: string;
  /** Cuts the connection, as a crash would. */
  cut(): void;
}

/** One gRPC call as a server sees it: an HTTP/2 stream, whose end is the call's. */
export class ServedCall {
  readonly #stream: ServerHttp2Stream;
  readonly #headers: IncomingHttpHeaders;
  readonly #host: CallHost;
  readonly #peer: CallPeer;
  readonly #reader: EnvelopeReader;
  readonly #abort = new AbortController();
  #route: Route | undefined;
  #lifeline: Lifeline | undefined;
  #deadline: Date | undefined;
  #message: Uint8Array | undefined;
  #trailers: OutgoingHttpHeaders = okTrailers;
  #over = false;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, peer: CallPeer, host: CallHost) {
    this.#stream = stream;
    this.#headers = headers;
    this.#host = host;
    this.#peer = peer;
    this.#reader = new EnvelopeReader(host.readLimitBytes);
    stream.on("error", () => undefined);
    stream.once("close", () => this.#gone());
    const status = refusalStatus(headers);
    if (status) this.#refuse(status);
    else this.#begin();
  }

  /** The server is closed: the client is told so, and the handler's signal fires. */
  stop(): void {
    this.#fail(serverClosed());
  }

  /** Answers what is no gRPC as HTTP does. */
  #refuse(status: 405 | 415): void {
    this.#over = true;
    this.#sendHeadersOnly({ ":status": status, ...(status === 405 ? { allow: "POST" } : {}) });
  }

  #begin(): void {
    const timeoutMs = readTimeoutMs(this.#headers);
    this.#deadline = timeoutMs === undefined ? undefined : new Date(Date.now() + timeoutMs);
    this.#lifeline = new Lifeline(timeoutMs === undefined ? undefined : Math.max(timeoutMs, 1), undefined);
    this.#lifeline.onStop({ cancel: (error) => this.#fail(error) });
    try {
      this.#route = this.#host.dispatcher.find(this.#headers[":path"] ?? "");
      this.#reader.encoding = readEncoding(this.#headers);
    } catch (error) {
      this.#fail(toStatusError(error));
      return;
    }
    this.#stream.on("data", (chunk: Buffer) => this.#read(chunk));
    this.#stream.once("end", () => void this.#answer());
  }

  #read(chunk: Buffer): void {
    if (this.#over) return;
    try {
      this.#reader.push(chunk, this);
    } catch (error) {
      const known = toStatusError(error);
      const limit = this.#host.readLimitBytes;
      // Its words are a client's, about an answer; these are in the manner of Go's servers.
      const text = `received message larger than max (${limit} bytes)`;
      this.#fail(known.reason === "receive_limit" ? known.with({ text, hint: undefined }) : known);
    }
  }

  /** @internal Called by the reader. */
  onMessage(message: Uint8Array): void {
    if (this.#message) throw callRefused("a request has one message, this one has more");
    this.#message = message;
  }

  async #answer(): Promise<void> {
    const [route, message] = [this.#route, this.#message];
    if (this.#over || !route) return;
    if (!message || !this.#reader.atBoundary) {
      const what = this.#reader.atBoundary ? "has no message" : "ended in the middle of its message";
      this.#fail(callRefused(`the request ${what}`));
      return;
    }
    // Not held by the call: a handler may run for long after it was decoded.
    this.#message = undefined;
    try {
      if (route.kind === "unary") {
        const answer = this.#envelope(await answerUnary(route, message, this.#context(route)));
        if (this.#ended) return;
        this.#respond();
        this.#finish(answer);
      } else await this.#answerAll(route, message);
    } catch (error) {
      this.#fail(toStatusError(error));
    }
  }

  async #answerAll(route: Route, request: Uint8Array): Promise<void> {
    const messages = openStream(route, request, this.#context(route));
    // A client that opens a stream is told that it is there before there is anything on it.
    this.#respond();
    for await (const message of messages) {
      if (this.#ended) return;
      if (!this.#stream.write(this.#envelope(message))) await this.#drained();
      if (this.#ended) return;
    }
    if (!this.#ended) this.#finish();
  }

  #envelope(message: Uint8Array): Buffer {
    try {
      return encodeEnvelope(message, this.#host.writeLimitBytes);
    } catch (error) {
      if (!isCriError(error)) throw error;
      const limit = this.#host.writeLimitBytes;
      // In the words of Go's servers, which clients know.
      const text = `trying to send message larger than max (${message.byteLength} vs. ${limit})`;
      throw error.with({ text, hint: undefined });
    }
  }

  #context(route: Route): CallContext {
    return {
      method: rpcNameOf(route),
      signal: this.#abort.signal,
      deadline: this.#deadline,
      headers: metadataOf(this.#headers),
      peer: this.#peer.name,
      cutConnection: () => this.#peer.cut(),
    };
  }

  /** Whether the call is over, also where the stream has gone and not said so yet. */
  get #ended(): boolean {
    if (!this.#over && (this.#stream.destroyed || this.#stream.closed)) this.#gone();
    return this.#over;
  }

  #respond(): void {
    const stream = this.#stream;
    stream.respond(this.#answerHeaders(), { waitForTrailers: true });
    stream.once("wantTrailers", () => {
      if (!stream.destroyed && !stream.closed) stream.sendTrailers(this.#trailers);
    });
  }

  #finish(last?: Buffer): void {
    this.#end(undefined);
    if (last) this.#stream.end(last);
    else this.#stream.end();
  }

  #fail(error: CriError): void {
    if (this.#ended) return;
    this.#end(error);
    if (this.#stream.headersSent) {
      this.#trailers = statusTrailers(error);
      this.#stream.end();
    } else this.#sendHeadersOnly({ ...this.#answerHeaders(), ...statusTrailers(error) });
  }

  /** An answer that is all headers. The rest of a request that is refused is not waited for. */
  #sendHeadersOnly(headers: OutgoingHttpHeaders): void {
    const stream = this.#stream;
    stream.respond(headers, { endStream: true });
    if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
  }

  #gone(): void {
    if (this.#over) return;
    // A client that keeps its deadline itself resets the call then; it is still a deadline.
    this.#end(this.#lifeline?.overdue ? deadlineError("the call's deadline passed") : callOver());
  }

  /** The call is over: with an error, its handler is told. */
  #end(error: CriError | undefined): void {
    this.#over = true;
    this.#message = undefined;
    this.#lifeline?.end();
    if (error) this.#abort.abort(error);
  }

  #answerHeaders(): OutgoingHttpHeaders {
    return {
      ":status": 200,
      "content-type": answerType(this.#headers),
      "grpc-accept-encoding": "identity,gzip",
    };
  }

  #drained(): Promise<void> {
    const stream = this.#stream;
    return new Promise((resolve) => {
      const settle = () => {
        stream.removeListener("drain", settle);
        stream.removeListener("close", settle);
        resolve();
      };
      stream.once("drain", settle);
      stream.once("close", settle);
      if (stream.closed || stream.destroyed) settle();
    });
  }
}
