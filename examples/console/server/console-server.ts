import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type Cri, isCriError } from "cri-sdk";
import { type WebSocket, WebSocketServer } from "ws";
import type { Failure } from "../messages.js";
import { containerDetails, imagesAndDisk, podDetails } from "../node/details.js";
import { NodeModel } from "../node/node-model.js";
import { Access, changeHeader, checkHost, HttpError } from "./access.js";
import { change, readChangeRequest } from "./changes.js";
import { Feed } from "./feed.js";
import { followLog, lastLines, readLogRequest } from "./log-socket.js";
import { type PageFile, readPage, readPageFiles } from "./page-files.js";
import { readTerminalRequest, runTerminal } from "./terminal-socket.js";

const host = "127.0.0.1";
const maxBodyBytes = 4_096;
const maxMessageBytes = 1 << 20;
/** Logs and terminals that are open at once, of all pages. */
const maxSockets = 200;

/** What a console shows, and how. */
export interface ConsoleOptions {
  readonly cri: Cri;
  /** The port on 127.0.0.1; 0 for a free one. */
  readonly port: number;
  /** How often the usage is read, in milliseconds. */
  readonly intervalMs: number;
  /** Whether terminals, stops and removals are refused. */
  readonly isReadOnly: boolean;
}

/** A running console. Closing it ends its sessions, but not the client. */
export interface Console extends AsyncDisposable {
  readonly port: number;
  /** Returns a link that opens the page in one browser, once. */
  newLink(): string;
  close(): Promise<void>;
}

/** The port cannot be used. */
export class PortError extends Error {}

/** Starts to follow the node, and listens. Rejects with {@link PortError}. */
export async function startConsole(options: ConsoleOptions): Promise<Console> {
  const server = new ConsoleServer(options);
  await server.start();
  return server;
}

class ConsoleServer implements Console {
  readonly #cri: Cri;
  readonly #options: ConsoleOptions;
  readonly #access = new Access();
  readonly #model: NodeModel;
  readonly #feed: Feed;
  readonly #files = readPageFiles();
  readonly #page = readPage();
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: maxMessageBytes });
  readonly #closing = new AbortController();
  /** The work of open sockets. */
  readonly #work = new Set<Promise<void>>();

  constructor(options: ConsoleOptions) {
    this.#options = options;
    this.#cri = options.cri;
    this.#model = new NodeModel({ ...options, onChange: (message) => this.#feed.send(message) });
    this.#feed = new Feed(() => this.#model.startMessage());
    this.#server = createServer((request, response) => void this.#handle(request, response));
    this.#server.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", (error: NodeJS.ErrnoException) =>
        reject(portError(error, this.#options.port)),
      );
      this.#server.listen(this.#options.port, host, resolve);
    });
    this.#access.setPort(this.port);
    this.#model.start();
  }

  newLink(): string {
    return `http://${host}:${this.port}/open?token=${this.#access.newToken()}`;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    for (const socket of this.#sockets.clients) socket.terminate();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await Promise.all([closed, this.#model.close(), ...this.#work]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Handles a request. Never rejects. */
  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(securityHeaders)) response.setHeader(name, value);
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    const signal = AbortSignal.any([gone.signal, this.#closing.signal]);
    const url = urlOf(request);
    try {
      if (url.pathname === "/open") this.#open(request, response, url);
      else if (url.pathname === "/api/change") await this.#change(request, response);
      else await this.#read(request, response, url, signal);
    } catch (error) {
      if (!response.destroyed) fail(response, url, error);
    }
  }

  /** Trades a link's token for a cookie, and leaves the token behind. */
  #open(request: IncomingMessage, response: ServerResponse, url: URL): void {
    checkHost(request);
    checkMethod(request, "GET");
    const cookie = this.#access.open(url.searchParams.get("token"));
    response.writeHead(303, { Location: "/", "Set-Cookie": cookie }).end();
  }

  async #change(request: IncomingMessage, response: ServerResponse): Promise<void> {
    checkMethod(request, "POST");
    this.#access.checkOrigin(request);
    if (request.headers[changeHeader] === undefined)
      throw new HttpError(403, `The header ${changeHeader} is missing.`);
    this.#refuseReadOnly();
    const requested = readChangeRequest(await readBody(request));
    await change(this.#cri, requested);
    respond(response, jsonFile({}));
  }

  async #read(
    request: IncomingMessage,
    response: ServerResponse,
    url: URL,
    signal: AbortSignal,
  ): Promise<void> {
    checkMethod(request, "GET");
    this.#access.checkRead(request);
    if (url.pathname === "/") return this.#respondWithPage(response);
    const file = this.#files.get(url.pathname) ?? (await this.#query(url, signal));
    if (!file) throw new HttpError(404, "The console has no page at this address.");
    respond(response, file);
  }

  async #query({ pathname, searchParams }: URL, signal: AbortSignal): Promise<PageFile | undefined> {
    const id = searchParams.get("id") ?? "";
    switch (pathname) {
      case "/api/container":
        return jsonFile(await containerDetails(this.#cri, id, signal));
      case "/api/pod":
        return jsonFile(await podDetails(this.#cri, id, signal));
      case "/api/usage":
        return jsonFile(this.#model.usageHistory(id));
      case "/api/images":
        return jsonFile(await imagesAndDisk(this.#cri, this.#model.watch, signal));
      case "/api/lines":
        return jsonFile(await lastLines(this.#cri, readLogRequest(searchParams), signal));
      default:
        return undefined;
    }
  }

  #respondWithPage(response: ServerResponse): void {
    const nonce = randomBytes(16).toString("base64");
    response.setHeader("Content-Security-Policy", pagePolicy(nonce));
    const body = this.#page.replaceAll("{{nonce}}", nonce);
    respond(response, { contentType: "text/html; charset=utf-8", body: Buffer.from(body) });
  }

  #upgrade(request: IncomingMessage, duplex: Duplex, head: Buffer): void {
    duplex.on("error", () => duplex.destroy());
    let serve: (socket: WebSocket) => Promise<void> | void;
    try {
      this.#access.checkOrigin(request);
      serve = this.#socketFor(urlOf(request));
    } catch (error) {
      const { status, message } = describe(error);
      const length = Buffer.byteLength(message);
      duplex.end(
        `HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${length}\r\n\r\n${message}`,
      );
      return;
    }
    (duplex as Socket).setNoDelay(true);
    this.#sockets.handleUpgrade(request, duplex, head, (socket) => this.#serve(socket, serve));
  }

  #socketFor({ pathname, searchParams }: URL): (socket: WebSocket) => Promise<void> | void {
    if (this.#sockets.clients.size >= maxSockets)
      throw new HttpError(503, `There are ${maxSockets} open logs and terminals: close some.`);
    if (pathname === "/feed") return (socket) => this.#feed.add(socket);
    if (pathname === "/log") {
      const request = readLogRequest(searchParams);
      return (socket) => followLog(this.#cri, socket, request);
    }
    if (pathname === "/terminal") {
      this.#refuseReadOnly();
      const request = readTerminalRequest(searchParams);
      return (socket) => runTerminal(this.#cri, socket, request);
    }
    throw new HttpError(404, "The console has no WebSocket at this address.");
  }

  #serve(socket: WebSocket, serve: (socket: WebSocket) => Promise<void> | void): void {
    socket.on("error", () => socket.terminate());
    const result = serve(socket);
    if (!result) return;
    const work = result
      .then(
        () => socket.close(1000),
        (error: unknown) => {
          socket.terminate();
          // A fault of one log or terminal must not end the others.
          if (!this.#closing.signal.aborted) console.error(error);
        },
      )
      .finally(() => this.#work.delete(work));
    this.#work.add(work);
  }

  #refuseReadOnly(): void {
    if (this.#options.isReadOnly)
      throw new HttpError(403, "The console was started with --read-only, so it changes nothing.");
  }
}

function portError({ code, message }: NodeJS.ErrnoException, port: number): PortError {
  return new PortError(code === "EADDRINUSE" ? `port ${port} is in use` : `port ${port}: ${message}`);
}

const lockedPolicy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/**
 * Scripts and styles come from this server only, and nothing in the text of the page runs: not even its own attributes. The nonce allows the
 * list of modules in the page, and the style elements of the terminal.
 */
function pagePolicy(nonce: string): string {
  return [
    lockedPolicy,
    `script-src 'self' 'nonce-${nonce}'`,
    `style-src 'self' 'nonce-${nonce}'`,
    "connect-src 'self'",
    "img-src 'self'",
    "require-trusted-types-for 'script'",
    "trusted-types lit-html",
  ].join("; ");
}

/** The headers of all responses. */
const securityHeaders: Readonly<Record<string, string>> = {
  "Cache-Control": "no-store",
  "Content-Security-Policy": lockedPolicy,
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
};

function urlOf({ url = "/" }: IncomingMessage): URL {
  try {
    return new URL(url, "http://console");
  } catch {
    return new URL("http://console/unknown");
  }
}

function checkMethod(request: IncomingMessage, method: "GET" | "POST"): void {
  if (request.method !== method) throw new HttpError(405, `This path takes ${method} only.`);
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > maxBodyBytes) throw new HttpError(413, "The body is too long.");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function respond(response: ServerResponse, { contentType, body }: PageFile): void {
  response.writeHead(200, { "Content-Type": contentType, "Content-Length": body.length }).end(body);
}

function jsonFile(value: unknown): PageFile {
  return { contentType: "application/json", body: Buffer.from(JSON.stringify(value)) };
}

/** Responds with an error: as JSON for the page's requests, and as text for what a browser shows itself. */
function fail(response: ServerResponse, { pathname }: URL, error: unknown): void {
  const { status, message } = describe(error);
  const isRequest = pathname.startsWith("/api/");
  const body = isRequest ? JSON.stringify({ error: message } satisfies Failure) : `${message}\n`;
  const contentType = isRequest ? "application/json" : "text/plain; charset=utf-8";
  response.writeHead(status, { "Content-Type": contentType }).end(body);
}

function describe(error: unknown): { readonly status: number; readonly message: string } {
  if (error instanceof HttpError) return error;
  if (!isCriError(error)) return { status: 500, message: String(error) };
  const isMissing = error.reason === "object_missing" || error.reason === "log_missing";
  return { status: isMissing ? 404 : 502, message: error.message };
}
