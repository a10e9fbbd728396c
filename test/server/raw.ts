import { once } from "node:events";
import { request } from "node:http";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import type { TestContext } from "node:test";
import { SpdyConnection, type SpdyStream, type StreamEnd } from "../../src/streaming/index.js";
import { cleanup } from "../support/cleanup.js";
import { within } from "../support/waiting.js";

/** What a server answered to a request. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly rawHeaders: readonly string[];
  readonly body: string;
}

export interface Upgraded {
  readonly answer: RawAnswer;
  readonly socket: Duplex;
  readonly head: Buffer;
}

type Headers = Readonly<Record<string, string | readonly string[]>>;

/** Sends any request; resolves with a refusal, or with the upgraded connection. */
export function ask(
  t: TestContext,
  url: string,
  headers: Headers = {},
  method = "POST",
): Promise<RawAnswer | Upgraded> {
  const asked = new Promise<RawAnswer | Upgraded>((resolve, reject) => {
    const call = request(url, {
      method,
      agent: false,
      headers: headers as Record<string, string | string[]>,
    });
    call.on("error", reject);
    call.on("upgrade", (message, socket, head) => {
      cleanup(t, () => socket.destroy());
      resolve({ answer: answerOf(message, ""), socket, head });
    });
    call.on("response", (message) => {
      let body = "";
      message.setEncoding("utf8").on("data", (part) => {
        body += part;
      });
      message.on("end", () => {
        resolve(answerOf(message, body));
        message.socket.destroy();
      });
      message.on("error", reject);
    });
    call.end();
  });
  return within(5_000, asked, "the answer");
}

function answerOf(message: import("node:http").IncomingMessage, body: string): RawAnswer {
  const headers = Object.fromEntries(
    Object.entries(message.headers).map(([name, value]) => [name, String(value)]),
  );
  return { status: message.statusCode ?? 0, headers, rawHeaders: message.rawHeaders, body };
}

export const spdyHeaders = (...versions: string[]): Headers => ({
  connection: "Upgrade",
  upgrade: "SPDY/3.1",
  ...(versions.length > 0 ? { "x-stream-protocol-version": versions } : {}),
});

/** An answer that must be a refusal. */
export async function refusalOf(asked: Promise<RawAnswer | Upgraded>): Promise<RawAnswer> {
  const got = await asked;
  if ("answer" in got) throw new Error(`the server agreed: ${JSON.stringify(got.answer)}`);
  return got;
}

/** One stream of a raw client, with all that came on it. */
export interface RawStream {
  readonly stream: SpdyStream;
  readonly parts: Buffer[];
  replied: boolean;
  end: StreamEnd | undefined;
}

/** A client that opens whatever streams it likes. */
export interface RawSpdy {
  readonly connection: SpdyConnection;
  readonly protocol: string;
  readonly socket: Duplex;
  /** Undefined while the connection is there. */
  readonly ended: { readonly error: unknown } | undefined;
  open(headers: Readonly<Record<string, string>>): RawStream;
}

/** Upgrades to SPDY and leaves the rest to the test. */
export async function rawSpdy(t: TestContext, url: string, ...versions: string[]): Promise<RawSpdy> {
  const got = await ask(t, url, spdyHeaders(...versions));
  if (!("answer" in got)) throw new Error(`refused: ${got.status} ${got.body}`);
  const { socket, head, answer } = got;
  const state: { ended: { error: unknown } | undefined } = { ended: undefined };
  const connection = new SpdyConnection(socket, {
    role: "client",
    head,
    onEnd: (error) => {
      state.ended = { error };
    },
  });
  return {
    connection,
    socket,
    protocol: answer.headers["x-stream-protocol-version"] ?? "",
    get ended() {
      return state.ended;
    },
    open(headers) {
      const stream = connection.open(headers);
      const raw: RawStream = { stream, parts: [], replied: false, end: undefined };
      stream.setSink({
        onReply: () => {
          raw.replied = true;
        },
        onData: (part) => raw.parts.push(Buffer.from(part)) > 0,
        onEnd: (end) => {
          raw.end = end;
        },
      });
      return raw;
    },
  };
}

/** What came on a stream, as text. */
export function said({ parts }: RawStream): string {
  return Buffer.concat(parts).toString("utf8");
}

/** A bare TCP connection to a URL's host. */
export async function bareSocket(t: TestContext, url: string): Promise<import("node:net").Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  cleanup(t, () => socket.destroy());
  socket.on("error", () => undefined);
  await within(5_000, once(socket, "connect"));
  return socket;
}
