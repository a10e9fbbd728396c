import {
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import { type CriError, isCriError, Lifeline } from "../../core/index.js";
import { EnvelopeReader, encodeEnvelope } from "../../transport/index.js";
import { answerStream, answerUnary, type Dispatcher, type Route, toStatusError } from "../dispatch.js";
import { callOver, callRefused, serverClosed } from "../errors.js";
import type { CallContext } from "../implementation.js";
import { okTrailers, parseTimeout, statusTrailers } from "./status.js";

/** What calls of one server share. */
export interface CallHost {
  readonly dispatcher: Dispatcher;
  readonly readLimitBytes: number;
  readonly writeLimitBytes: number;
}

const grpcType = /^application\/grpc(?:\+proto)?(?:;|$)/i;

/** One gRPC call as a server sees it: an HTTP/2 stream, whose end is the call's. */
export class ServedCall {
  readonly #stream: ServerHttp2Stream;
  readonly #headers: IncomingHttpHeaders;
  readonly #host: CallHost;
  readonly #peer: string;
  readonly #reader: EnvelopeReader;
  readonly #abort = new AbortController();
  #route: Route | undefined;
  #lifeline: Lifeline | undefined;
  #deadline: Date | undefined;
  #message: Uint8Array | undefined;
  #trailers: OutgoingHttpHeaders = okTrailers;
  #over = false;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, peer: string, host: CallHost) {
    this.#stream = stream;
    this.#headers = headers;
    this.#host = host;
    this.#peer = peer;
    this.#reader = new EnvelopeReader(host.readLimitBytes);
    stream.on("error", () => undefined);
    stream.once("close", () => this.#gone());
    if (this.#isGrpc()) this.#begin();
  }

  /** The server is closed: the client is told so, and the handler's signal fires. */
  stop(): void {
    this.#fail(serverClosed());
  }

  /** Answers what is no gRPC as HTTP does. */
  #isGrpc(): boolean {
    const { ":method": method, "content-type": type = "" } = this.#headers;
    const status = method !== "POST" ? 405 : grpcType.test(type) ? 200 : 415;
    if (status === 200) return true;
    this.#over = true;
    this.#stream.respond(
      { ":status": status, ...(status === 405 ? { allow: "POST" } : {}) },
      { endStream: true },
    );
    return false;
  }

  #begin(): void {
    const { ":path": path = "", "grpc-encoding": encoding, "grpc-timeout": timeout } = this.#headers;
    const timeoutMs = parseTimeout(String(timeout ?? ""));
    this.#deadline = timeoutMs === undefined ? undefined : new Date(Date.now() + timeoutMs);
    this.#lifeline = new Lifeline(timeoutMs === undefined ? undefined : Math.max(timeoutMs, 1), undefined);
    this.#lifeline.onStop({ cancel: (error) => this.#fail(error) });
    try {
      this.#route = this.#host.dispatcher.find(path);
      this.#reader.encoding = readEncoding(encoding);
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
      this.#fail(toStatusError(error));
    }
  }

  /** @internal Called by the reader. */
  onMessage(message: Uint8Array): void {
    this.#message = message;
  }

  async #answer(): Promise<void> {
    const [route, message] = [this.#route, this.#message];
    if (this.#over || !route) return;
    const { messages, atBoundary } = this.#reader;
    if (!message || messages !== 1 || !atBoundary) {
      this.#fail(callRefused(`a request has one message, this one has ${messages}`));
      return;
    }
    this.#message = undefined;
    try {
      if (route.method.methodKind === "unary") {
        const answer = this.#envelope(await answerUnary(route, message, this.#context(route)));
        if (this.#over) return;
        this.#respond();
        this.#finish(answer);
      } else await this.#answerAll(route, message);
    } catch (error) {
      this.#fail(toStatusError(error));
    }
  }

  async #answerAll(route: Route, request: Uint8Array): Promise<void> {
    // A client that opens a stream is told that it is there before there is anything on it.
    this.#respond();
    for await (const message of answerStream(route, request, this.#context(route))) {
      if (this.#over) return;
      if (!this.#stream.write(this.#envelope(message))) await this.#drained();
      if (this.#over) return;
    }
    this.#finish();
  }

  #envelope(message: Uint8Array): Buffer {
    try {
      return encodeEnvelope(message, this.#host.writeLimitBytes);
    } catch (error) {
      if (!isCriError(error)) throw error;
      const limit = this.#host.writeLimitBytes;
      // In the words of Go's servers, which clients know.
      throw error.with({
        text: `trying to send message larger than max (${message.byteLength} vs. ${limit})`,
      });
    }
  }

  #context({ method }: Route): CallContext {
    return {
      method: method.name,
      signal: this.#abort.signal,
      deadline: this.#deadline,
      headers: metadataOf(this.#headers),
      peer: this.#peer,
      cutConnection: () => this.#stream.session?.socket.destroy(),
    };
  }

  #respond(): void {
    const stream = this.#stream;
    stream.respond(this.#answerHeaders(), { waitForTrailers: true });
    stream.once("wantTrailers", () => {
      if (!stream.destroyed) stream.sendTrailers(this.#trailers);
    });
  }

  #finish(last?: Buffer): void {
    this.#end(undefined);
    if (last) this.#stream.end(last);
    else this.#stream.end();
  }

  #fail(error: CriError): void {
    if (this.#over) return;
    this.#end(error);
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return;
    const trailers = statusTrailers(error);
    if (stream.headersSent) {
      this.#trailers = trailers;
      stream.end();
    } else stream.respond({ ...this.#answerHeaders(), ...trailers }, { endStream: true });
    // The rest of a request that is refused is not waited for.
    if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
  }

  #gone(): void {
    if (!this.#over) this.#end(callOver());
  }

  /** The call is over: with an error, its handler is told. */
  #end(error: CriError | undefined): void {
    this.#over = true;
    this.#lifeline?.end();
    if (error) this.#abort.abort(error);
  }

  #answerHeaders(): OutgoingHttpHeaders {
    const type = /^application\/grpc\+proto/i.test(this.#headers["content-type"] ?? "")
      ? "application/grpc+proto"
      : "application/grpc";
    return { ":status": 200, "content-type": type, "grpc-accept-encoding": "identity,gzip" };
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

function readEncoding(encoding: IncomingHttpHeaders[string]): string | undefined {
  if (encoding === undefined || encoding === "identity" || encoding === "gzip") return encoding;
  throw callRefused(`the compression ${encoding} is not supported`, "unimplemented");
}

/** The headers that are a caller's own, and not gRPC's or HTTP's. */
function metadataOf(headers: IncomingHttpHeaders): Record<string, string> {
  const own = Object.entries(headers).filter(
    ([name, value]) => value !== undefined && !name.startsWith(":") && !name.startsWith("grpc-"),
  );
  return Object.fromEntries(own.map(([name, value]) => [name, [value].flat().join(", ")]));
}
