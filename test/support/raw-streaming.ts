import { once } from "node:events";
import { request } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import type { TestContext } from "node:test";
import { SpdyConnection, type SpdyStream, type StreamEnd } from "../../src/streaming/index.js";
import { cleanup } from "./cleanup.js";
import { within } from "./waiting.js";

/** The response of a server without an upgrade. */
export interface RawResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly rawHeaders: readonly string[];
  readonly body: string;
}

export interface Upgraded {
  readonly response: RawResponse;
  readonly socket: Duplex;
  readonly head: Buffer;
}

type Headers = Readonly<Record<string, string | readonly string[]>>;

/** Sends any request, over https to any certificate. Resolves with the upgraded connection, or with the response that refused it. */
export function ask(
  t: TestContext,
  url: string,
  headers: Headers = {},
  method = "POST",
): Promise<RawResponse | Upgraded> {
  const asked = new Promise<RawResponse | Upgraded>((resolve, reject) => {
    const options = { method, agent: false, headers: headers as Record<string, string | string[]> };
    const call = url.startsWith("https:")
      ? httpsRequest(url, { ...options, rejectUnauthorized: false })
      : request(url, options);
    call.on("error", reject);
    call.on("upgrade", (message, socket, head) => {
      cleanup(t, () => socket.destroy());
      resolve({ response: responseOf(message, ""), socket, head });
    });
    call.on("response", (message) => {
      let body = "";
      message.setEncoding("utf8").on("data", (part) => {
        body += part;
      });
      message.on("end", () => {
        resolve(responseOf(message, body));
        message.socket.destroy();
      });
      message.on("error", reject);
    });
    call.end();
  });
  return within(5_000, asked, "the response");
}

function responseOf(message: import("node:http").IncomingMessage, body: string): RawResponse {
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

/** Returns the response that refused the upgrade. Throws if the server accepted it. */
export async function refusalOf(asked: Promise<RawResponse | Upgraded>): Promise<RawResponse> {
  const got = await asked;
  if ("response" in got) throw new Error(`the server accepted the upgrade: ${JSON.stringify(got.response)}`);
  return got;
}

/** A stream of a raw client with the data that it has received. */
export interface RawStream {
  readonly stream: SpdyStream;
  readonly parts: Buffer[];
  replied: boolean;
  end: StreamEnd | undefined;
}

/** A client that opens arbitrary streams. */
export interface RawSpdy {
  readonly connection: SpdyConnection;
  readonly protocol: string;
  readonly socket: Duplex;
  /** Undefined while the connection is open. */
  readonly ended: { readonly error: unknown } | undefined;
  open(headers: Readonly<Record<string, string>>): RawStream;
}

/** Upgrades a connection to SPDY without opening a stream. */
export async function rawSpdy(t: TestContext, url: string, ...versions: string[]): Promise<RawSpdy> {
  const got = await ask(t, url, spdyHeaders(...versions));
  if (!("response" in got)) throw new Error(`refused: ${got.status} ${got.body}`);
  const { socket, head, response } = got;
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
    protocol: response.headers["x-stream-protocol-version"] ?? "",
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

/** Returns the data received on a stream, as text. */
export function receivedText({ parts }: RawStream): string {
  return Buffer.concat(parts).toString("utf8");
}

/** Opens a plain TCP connection to a URL's host. */
export async function bareSocket(t: TestContext, url: string): Promise<import("node:net").Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  cleanup(t, () => socket.destroy());
  socket.on("error", () => undefined);
  await within(5_000, once(socket, "connect"));
  return socket;
}
