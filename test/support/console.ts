import { once } from "node:events";
import { type IncomingHttpHeaders, type RequestOptions, request } from "node:http";
import type { TestContext } from "node:test";
import { type ClientOptions, WebSocket } from "ws";
import type { FeedMessage } from "../../examples/console/messages.js";
import {
  type Console,
  type ConsoleOptions,
  startConsole,
} from "../../examples/console/server/console-server.js";
import type { Cri } from "../../src/index.js";
import { cleanup } from "./cleanup.js";
import { until, within } from "./waiting.js";

/** An answer of a console. */
export interface ConsoleAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A running console, and a browser's view of it without a browser. */
export class TestConsole {
  readonly console: Console;
  readonly host: string;
  readonly #t: TestContext;
  cookie = "";

  constructor(t: TestContext, console: Console) {
    this.#t = t;
    this.console = console;
    this.host = `127.0.0.1:${console.port}`;
  }

  /** Opens a link, and keeps its cookie. */
  async open(): Promise<void> {
    const { pathname, search } = new URL(this.console.newLink());
    const { headers } = await this.request(`${pathname}${search}`);
    this.cookie = (headers["set-cookie"]?.[0] ?? "").split(";")[0] ?? "";
  }

  /** Sends a request with the cookie; `undefined` removes a header. */
  async request(
    path: string,
    headers: Readonly<Record<string, string | undefined>> = {},
    options: RequestOptions & { readonly body?: string } = {},
  ): Promise<ConsoleAnswer> {
    const all = { Host: this.host, ...(this.cookie && { Cookie: this.cookie }), ...headers };
    const sent = request({
      ...{ host: "127.0.0.1", port: this.console.port, path, agent: false, setHost: false },
      ...options,
      headers: Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)),
    });
    sent.end(options.body);
    const [response] = await within(20_000, once(sent, "response"), path);
    let body = "";
    for await (const chunk of response.setEncoding("utf8")) body += chunk;
    return { status: response.statusCode, headers: response.headers, body };
  }

  /** Stops or removes something, as the page does. */
  change(body: object, headers: Readonly<Record<string, string | undefined>> = {}): Promise<ConsoleAnswer> {
    const own = { Origin: `http://${this.host}`, "X-CRI-Console": "1" };
    return this.request(
      "/api/change",
      { ...own, ...headers },
      { method: "POST", body: JSON.stringify(body) },
    );
  }

  /** Opens a WebSocket, as the page does. */
  async socket(path: string): Promise<TestSocket> {
    const socket = this.#socket(path, { Cookie: this.cookie }, { origin: `http://${this.host}` });
    const opened = new TestSocket(socket);
    await within(10_000, once(socket, "open"), path);
    cleanup(this.#t, () => socket.terminate());
    return opened;
  }

  /** Returns the status with which a WebSocket is refused. */
  async refusal(
    path: string,
    headers: Readonly<Record<string, string>>,
    options: ClientOptions = {},
  ): Promise<number> {
    const socket = this.#socket(path, headers, options);
    socket.on("error", () => {});
    const [, response] = await within(10_000, once(socket, "unexpected-response"), path);
    socket.terminate();
    return response.statusCode;
  }

  /** Opens the feed. */
  async feed(): Promise<TestFeed> {
    return new TestFeed(await this.socket("/feed"));
  }

  #socket(path: string, headers: Readonly<Record<string, string>>, options: ClientOptions): WebSocket {
    return new WebSocket(`ws://${this.host}${path}`, { headers, ...options });
  }
}

/** A WebSocket and what it received. */
export class TestSocket {
  readonly socket: WebSocket;
  readonly texts: string[] = [];
  readonly chunks: Buffer[] = [];
  bytes = 0;
  isClosed = false;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data: Buffer, isBinary: boolean) => {
      this.bytes += data.length;
      if (isBinary) this.chunks.push(data);
      else this.texts.push(String(data));
    });
    socket.on("close", () => {
      this.isClosed = true;
    });
    socket.on("error", () => {});
  }

  get output(): string {
    return Buffer.concat(this.chunks).toString();
  }

  /** The messages in JSON. */
  messages<T>(): T[] {
    return this.texts.map((text) => JSON.parse(text));
  }

  send(message: object): void {
    this.socket.send(JSON.stringify(message));
  }
}

type Start = FeedMessage & { readonly type: "start" };
type Change = FeedMessage & { readonly type: "change" };

/** The messages of a feed. */
export class TestFeed {
  readonly #socket: TestSocket;

  constructor(socket: TestSocket) {
    this.#socket = socket;
  }

  get bytes(): number {
    return this.#socket.bytes;
  }

  get all(): FeedMessage[] {
    return this.#socket.messages<FeedMessage>();
  }

  get changes(): Change[] {
    return this.all.filter((message) => message.type === "change");
  }

  async start(): Promise<Start> {
    await until(() => this.#socket.texts.length > 0, "the first message of the feed");
    return this.all.find((message) => message.type === "start") as Start;
  }

  /** Waits for a change that fits, and returns it. */
  async change(fits: (change: Change) => unknown, what: string): Promise<Change> {
    let found: Change | undefined;
    await until(() => {
      found = this.changes.find(fits);
      return found !== undefined;
    }, what);
    return found as Change;
  }
}

/** Starts a console for a client, and opens it. */
export async function openConsole(
  t: TestContext,
  cri: Cri,
  options: Partial<Omit<ConsoleOptions, "cri">> = {},
): Promise<TestConsole> {
  const console = await startConsole({ port: 0, intervalMs: 200, isReadOnly: false, cri, ...options });
  cleanup(t, () => within(20_000, console.close(), "the end of the console"));
  const opened = new TestConsole(t, console);
  await opened.open();
  return opened;
}
