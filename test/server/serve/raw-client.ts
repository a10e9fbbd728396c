import { type ClientHttp2Session, connect, constants, type IncomingHttpHeaders } from "node:http2";
import { connect as openSocket, type Socket } from "node:net";
import type { TestContext } from "node:test";
import { cleanup } from "../../support/cleanup.js";
import { type Frame, FrameReader, frameType, settings, settingsAck } from "../../support/frames.js";
import { until, within } from "../../support/waiting.js";

/** What a server said to one request, as it was on the wire. */
export interface RawAnswer {
  readonly headers: IncomingHttpHeaders;
  /** Undefined where all was in the headers. */
  readonly trailers: IncomingHttpHeaders | undefined;
  readonly body: Buffer;
  /** The HTTP/2 code that the server's RST_STREAM had; 0 also when there was none. */
  readonly code: number;
}

/** What grpc-go sends. */
export const goHeaders = {
  ":method": "POST",
  ":scheme": "http",
  ":path": "/runtime.v1.RuntimeService/Version",
  ":authority": "localhost",
  "content-type": "application/grpc",
  "user-agent": "grpc-go/1.72.2",
  te: "trailers",
} as const;

/** An HTTP/2 session of node's own, gone after the test. */
export function rawSession(t: TestContext, path: string): ClientHttp2Session {
  const session = connect("http://localhost", {
    createConnection: () => openSocket(path),
    // By default, Node refuses answers while a request of more than 10 MB is queued.
    maxSessionMemory: 1_000,
  });
  session.on("error", () => undefined);
  cleanup(t, () => session.destroy());
  return session;
}

/** Sends a request, its body in just these chunks, and takes the whole answer. */
export function ask(
  session: ClientHttp2Session,
  headers: Record<string, string | undefined>,
  chunks: readonly Uint8Array[] = [Buffer.alloc(5)],
): Promise<RawAnswer> {
  const answer = new Promise<RawAnswer>((resolve) => {
    const given = Object.entries({ ...goHeaders, ...headers }).filter(([, value]) => value !== undefined);
    const stream = session.request(Object.fromEntries(given), { endStream: chunks.length === 0 });
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
  return within(8_000, answer, "the answer");
}

/** A connection on which a test writes single frames. */
export class FrameClient {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  /** What came, also where it is no HTTP/2. */
  bytes = Buffer.alloc(0);
  closed = false;

  constructor(t: TestContext, path: string) {
    this.socket = openSocket(path);
    this.socket.on("error", () => undefined);
    this.socket.on("close", () => {
      this.closed = true;
    });
    const reader = new FrameReader();
    // A server's first bytes are frames already.
    reader.push(Buffer.alloc(24));
    this.socket.on("data", (chunk) => {
      this.bytes = Buffer.concat([this.bytes, chunk]);
      this.frames.push(...reader.push(chunk));
    });
    cleanup(t, () => this.socket.destroy());
  }

  /** Says what every client says first. */
  greet(): void {
    this.socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    this.send(settings(), settingsAck());
  }

  send(...frames: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(frames));
  }

  /** The frames of one type, in order. */
  of(type: keyof typeof frameType): Frame[] {
    return this.frames.filter((frame) => frame.type === frameType[type]);
  }

  seen(type: keyof typeof frameType, count = 1): Promise<void> {
    return until(() => this.of(type).length >= count, `${count} × ${type} arrived`);
  }

  gone(): Promise<void> {
    return until(() => this.closed, "the server hung up");
  }
}
