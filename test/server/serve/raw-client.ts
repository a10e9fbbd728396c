import { type ClientHttp2Session, connect, constants, type IncomingHttpHeaders } from "node:http2";
import { connect as openSocket, type Socket } from "node:net";
import type { TestContext } from "node:test";
import { cleanup } from "../../support/cleanup.js";
import { type Frame, FrameReader, frameType, settings, settingsAck } from "../../support/frames.js";
import { until, within } from "../../support/waiting.js";

/** The response to one request, as received on the wire. */
export interface RawResponse {
  readonly headers: IncomingHttpHeaders;
  /** Undefined for a response that consists of headers only. */
  readonly trailers: IncomingHttpHeaders | undefined;
  readonly body: Buffer;
  /** The error code of the server's RST_STREAM; 0 also if there was no RST_STREAM. */
  readonly code: number;
}

/** The headers of a grpc-go client. */
export const goHeaders = {
  ":method": "POST",
  ":scheme": "http",
  ":path": "/runtime.v1.RuntimeService/Version",
  ":authority": "localhost",
  "content-type": "application/grpc",
  "user-agent": "grpc-go/1.72.2",
  te: "trailers",
} as const;

/** Opens an HTTP/2 session of node:http2, which is destroyed after the test. */
export function rawSession(t: TestContext, path: string): ClientHttp2Session {
  const session = connect("http://localhost", {
    createConnection: () => openSocket(path),
    // By default, Node rejects responses while a request of more than 10 MB is queued.
    maxSessionMemory: 1_000,
  });
  session.on("error", () => undefined);
  cleanup(t, () => session.destroy());
  return session;
}

/** Sends a request with its body in these chunks, and returns the whole response. */
export function ask(
  session: ClientHttp2Session,
  headers: Record<string, string | undefined>,
  chunks: readonly Uint8Array[] = [Buffer.alloc(5)],
): Promise<RawResponse> {
  const response = new Promise<RawResponse>((resolve) => {
    const fields = Object.entries({ ...goHeaders, ...headers }).filter(([, value]) => value !== undefined);
    const stream = session.request(Object.fromEntries(fields), { endStream: chunks.length === 0 });
    let answered: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders | undefined;
    const body: Buffer[] = [];
    stream.on("response", (received) => {
      answered = received;
    });
    stream.on("trailers", (received) => {
      trailers = received;
    });
    stream.on("data", (chunk: Buffer) => body.push(chunk));
    stream.on("error", () => undefined);
    stream.on("close", () =>
      resolve({
        headers: answered,
        trailers,
        body: Buffer.concat(body),
        code: stream.rstCode ?? constants.NGHTTP2_NO_ERROR,
      }),
    );
    for (const chunk of chunks) stream.write(chunk);
    stream.end();
  });
  return within(8_000, response, "the response");
}

/** A connection on which a test writes individual frames. */
export class FrameClient {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  /** All received bytes, also those that are not HTTP/2. */
  bytes = Buffer.alloc(0);
  closed = false;

  constructor(t: TestContext, path: string) {
    this.socket = openSocket(path);
    this.socket.on("error", () => undefined);
    this.socket.on("close", () => {
      this.closed = true;
    });
    const reader = new FrameReader();
    // The reader expects the client's preface, which a server does not send.
    reader.push(Buffer.alloc(24));
    this.socket.on("data", (chunk) => {
      this.bytes = Buffer.concat([this.bytes, chunk]);
      this.frames.push(...reader.push(chunk));
    });
    cleanup(t, () => this.socket.destroy());
  }

  /** Sends the connection preface and SETTINGS. */
  greet(): void {
    this.socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    this.send(settings(), settingsAck());
  }

  send(...frames: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(frames));
  }

  /** Returns the received frames of one type, in order. */
  of(type: keyof typeof frameType): Frame[] {
    return this.frames.filter((frame) => frame.type === frameType[type]);
  }

  seen(type: keyof typeof frameType, count = 1): Promise<void> {
    return until(() => this.of(type).length >= count, `${count} × ${type} arrived`);
  }

  gone(): Promise<void> {
    return until(() => this.closed, "the server closed the connection");
  }
}
