// The Docker Engine's HTTP API on its unix socket, by node:http: JSON calls, streamed answers, and hijacked connections.
import { setMaxListeners } from "node:events";
import { Agent, type ClientRequest, type IncomingMessage, request } from "node:http";
import type { Socket } from "node:net";
import { text } from "node:stream/consumers";
import type { EngineVersion } from "./api.js";

/** The oldest API that the shim can use: the one of Docker 20.10. */
const oldestApi = "1.41";
/** The newest API that the shim was written for. */
const newestApi = "1.48";

/** How long the engine may take until its answer begins, in milliseconds. */
const defaultTimeoutMs = 120_000;

/** An answer of the engine that is not a success. */
export class EngineError extends Error {
  /** The HTTP status; 0 if the engine could not be reached. */
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "EngineError";
    this.status = status;
  }
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface CallOptions {
  readonly query?: Query;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Cancels the call: its connection is closed. */
  readonly signal?: AbortSignal | undefined;
  /** How long the engine may take until its answer begins, in milliseconds. Default: 120,000; 0 for no limit. */
  readonly timeoutMs?: number;
}

export class Engine {
  readonly socketPath: string;
  readonly #agent = new Agent({ keepAlive: true, maxFreeSockets: 16 });
  #version: Promise<EngineVersion> | undefined;

  constructor(socketPath: string) {
    this.socketPath = socketPath;
  }

  /** Returns the engine's version, which is asked for once per connection to an engine: see {@link forgetVersion}. */
  version(): Promise<EngineVersion> {
    this.#version ??= this.#readVersion();
    this.#version.catch(() => this.forgetVersion());
    return this.#version;
  }

  /** Asks for the version again: the engine was restarted, and may be another release. */
  forgetVersion(): void {
    this.#version = undefined;
  }

  /** Returns whether the API that the engine and the shim have agreed on is this one or newer. */
  async supports(api: string): Promise<boolean> {
    return compareApis((await this.version()).agreedApi, api) >= 0;
  }

  /** Calls the API, such as `call("GET", "/containers/json", { query: { all: true } })`. Returns the decoded JSON, undefined for none. */
  async call<T>(method: "GET" | "POST" | "DELETE", path: string, options: CallOptions = {}): Promise<T> {
    const body = await this.#text(await this.stream(method, path, options));
    // The caller names the type that the API documents for this path.
    return (body === "" ? undefined : JSON.parse(body)) as T;
  }

  /** Like {@link call}, but returns the answer's body as it arrives. */
  async stream(
    method: "GET" | "POST" | "DELETE",
    path: string,
    options: CallOptions = {},
  ): Promise<IncomingMessage> {
    const response = await this.#send(method, await this.#path(path, options.query), options);
    const { statusCode = 0 } = response;
    if (statusCode < 400) return response;
    throw new EngineError(statusCode, errorText(await this.#text(response), statusCode));
  }

  /** Calls an endpoint that takes over its connection (exec start, attach); returns the connection. */
  async hijack(path: string, options: CallOptions = {}): Promise<Socket> {
    const target = await this.#path(path, options.query);
    return new Promise((resolve, reject) => {
      const body = JSON.stringify(options.body ?? {});
      const { signal, timeoutMs = defaultTimeoutMs } = options;
      const call = request({
        socketPath: this.socketPath,
        method: "POST",
        path: target,
        agent: false,
        headers: {
          host: "docker",
          connection: "Upgrade",
          upgrade: "tcp",
          "content-type": "application/json",
          "content-length": Buffer.byteLength(body),
        },
        ...(signal ? { signal } : {}),
      });
      const stopTimer = limitTime(call, timeoutMs);
      call.once("upgrade", (_, socket, head) => {
        stopTimer();
        if (head.length > 0) socket.unshift(head);
        // node:http's connection of a unix socket is a net.Socket, and so is that of a hijacked call.
        (socket as Socket).setTimeout(0);
        resolve(socket as Socket);
      });
      call.once("response", (response) => {
        stopTimer();
        const { statusCode = 0 } = response;
        this.#text(response).then(
          (answer) => reject(new EngineError(statusCode, errorText(answer, statusCode))),
          reject,
        );
      });
      call.once("error", (error) => {
        stopTimer();
        reject(signal?.aborted ? signal.reason : unreachable(this.socketPath, error));
      });
      call.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }

  /** Reads an answer to its end, which may not come: the engine can die. */
  #text(response: IncomingMessage): Promise<string> {
    return text(response).catch((error: unknown) => {
      throw unreachable(this.socketPath, error);
    });
  }

  async #readVersion(): Promise<EngineVersion> {
    const response = await this.#send("GET", "/version", { timeoutMs: 10_000 });
    const body = await this.#text(response);
    if (response.statusCode !== 200) throw new EngineError(response.statusCode ?? 0, errorText(body, 0));
    const answer = JSON.parse(body) as Omit<EngineVersion, "agreedApi">;
    const { ApiVersion, MinAPIVersion } = answer;
    const agreedApi = compareApis(ApiVersion, newestApi) < 0 ? ApiVersion : newestApi;
    if (compareApis(agreedApi, oldestApi) < 0)
      throw new EngineError(
        0,
        `the engine's API ${ApiVersion} is older than ${oldestApi}, that of Docker 20.10`,
      );
    return { ...answer, agreedApi: compareApis(agreedApi, MinAPIVersion) < 0 ? MinAPIVersion : agreedApi };
  }

  async #path(path: string, query: Query = {}): Promise<string> {
    const { agreedApi } = await this.version();
    const values = Object.entries(query).flatMap(([name, value]) =>
      value === undefined ? [] : [`${name}=${encodeURIComponent(String(value))}`],
    );
    return `/v${agreedApi}${path}${values.length > 0 ? `?${values.join("&")}` : ""}`;
  }

  #send(method: string, path: string, options: CallOptions): Promise<IncomingMessage> {
    const { headers, signal, timeoutMs = defaultTimeoutMs } = options;
    // A list of CRI makes many calls with the signal of one.
    if (signal) setMaxListeners(0, signal);
    const body = options.body === undefined ? undefined : JSON.stringify(options.body);
    return new Promise((resolve, reject) => {
      const call = request({
        socketPath: this.socketPath,
        method,
        path,
        agent: this.#agent,
        headers: {
          host: "docker",
          ...(body === undefined
            ? {}
            : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
          ...headers,
        },
        ...(signal ? { signal } : {}),
      });
      const stopTimer = limitTime(call, timeoutMs);
      call.once("response", (response) => {
        stopTimer();
        resolve(response);
      });
      call.once("error", (error: NodeJS.ErrnoException) => {
        stopTimer();
        if (signal?.aborted) reject(signal.reason);
        // An engine that was restarted has closed the connections that were kept.
        else if (method === "GET" && call.reusedSocket && error.code === "ECONNRESET")
          resolve(this.#send(method, path, options));
        else reject(unreachable(this.socketPath, error));
      });
      call.end(body);
    });
  }
}

/** Ends a call after a time, unless 0; returns what stops the timer. */
function limitTime(call: ClientRequest, timeoutMs: number): () => void {
  if (timeoutMs === 0) return () => undefined;
  const timer = setTimeout(() => call.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  return () => clearTimeout(timer);
}

function unreachable(socketPath: string, cause: unknown): EngineError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new EngineError(0, `the Docker Engine at ${socketPath} does not answer: ${reason}`, { cause });
}

/** Returns the text of an error: `{"message": …}`, or whatever else the engine answered. */
function errorText(body: string, status: number): string {
  try {
    const { message } = JSON.parse(body) as { readonly message?: string };
    if (message) return message;
  } catch {
    // Not JSON: a proxy's page, or an answer that was cut off.
  }
  return body.trim() || `HTTP status ${status}`;
}

function compareApis(a: string, b: string): number {
  const [[aMajor = 0, aMinor = 0], [bMajor = 0, bMinor = 0]] = [a, b].map((one) =>
    one.split(".").map(Number),
  ) as [number[], number[]];
  return aMajor - bMajor || aMinor - bMinor;
}
