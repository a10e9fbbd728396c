import { once } from "node:events";
import type { Server } from "node:net";
import { CriError, invalidOption, maxTimerMs } from "../core/index.js";
import { type Endpoint, parseEndpoint } from "../transport/index.js";
import { Dispatcher } from "./dispatch.js";
import { GrpcHost } from "./grpc/host.js";
import { createListener } from "./grpc/http2.js";
import type { Services } from "./implementation.js";
import { resolveServeOptions, type ServeOptions } from "./serve-options.js";
import { listenOnFile, type SocketFileOptions } from "./socket-file.js";
import type { CloseOptions } from "./streaming/api.js";

/** Serves CRI at an endpoint. `await using` closes it. */
export interface CriServer extends AsyncDisposable {
  /** Where it listens, as a URL that `connect()` takes: `unix:///run/shim.sock`. */
  readonly endpoint: string;
  /** How many connections are open. */
  readonly connections: number;
  /** How many calls are under way, event streams among them. */
  readonly calls: number;
  /**
   * Takes no new calls and removes the socket file; resolves when no connection is left. Calls that are still under way
   * after `graceMs` (0) end with `unavailable`, and their handlers' signals fire. May be called again, to make it quicker.
   */
  close(options?: CloseOptions): Promise<void>;
}

/**
 * Serves RuntimeService, ImageService or both, as kubelet, crictl and every other CRI client expects them. It listens
 * when this resolves.
 *
 * `endpoint` is a socket path or `unix:///path`, where a stale socket is replaced and folders are made; or
 * `unix-abstract:name`, `npipe:////./pipe/name`, `tcp://host:port`, and `https://host:port` with {@link ServeOptions.tls}.
 *
 * Rejects with `invalid_endpoint` (also for a path where somebody listens, or something else is), `invalid_option`, and
 * `unreachable` when the address cannot be had.
 */
export async function serve(
  endpoint: string,
  services: Services,
  options: ServeOptions = {},
): Promise<CriServer> {
  const address = parseEndpoint(endpoint);
  const resolved = resolveServeOptions(options);
  if ((address.kind === "tcp" && address.tls) !== (resolved.tls !== undefined))
    throw invalidOption(
      "tls",
      resolved.tls && "(not shown)",
      "goes with an https:// endpoint, and only with it",
    );
  const listener = createListener(resolved);
  const host = new GrpcHost(listener, { dispatcher: new Dispatcher(services), ...resolved }, address);
  const removeFile = await listen(listener, address, resolved);
  // What a listening server can fail with later concerns single connections.
  listener.on("error", () => undefined);
  return new ListeningServer(address.url, listener, host, removeFile);
}

async function listen(listener: Server, address: Endpoint, options: SocketFileOptions): Promise<() => void> {
  if (address.kind === "unix") return listenOnFile(listener, address.path, options);
  try {
    if (address.kind === "tcp") listener.listen({ host: address.host, port: address.port });
    else listener.listen({ path: address.kind === "pipe" ? address.path : `\0${address.name}` });
    await once(listener, "listening");
    return () => undefined;
  } catch (cause) {
    const text = `cannot listen on ${address.url}: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new CriError({ code: "unavailable", reason: "unreachable", text, cause });
  }
}

class ListeningServer implements CriServer {
  readonly endpoint: string;
  readonly #listener: Server;
  readonly #host: GrpcHost;
  readonly #removeFile: () => void;
  #closing: Promise<void> | undefined;
  #graceTimer: NodeJS.Timeout | undefined;

  constructor(endpoint: string, listener: Server, host: GrpcHost, removeFile: () => void) {
    this.endpoint = endpoint;
    this.#listener = listener;
    this.#host = host;
    this.#removeFile = removeFile;
  }

  get connections(): number {
    return this.#host.connections;
  }

  get calls(): number {
    return this.#host.calls;
  }

  async close({ graceMs = 0 }: CloseOptions = {}): Promise<void> {
    if (!(graceMs >= 0)) throw invalidOption("graceMs", graceMs, "must be 0 milliseconds or more");
    clearTimeout(this.#graceTimer);
    this.#closing ??= this.#shut();
    const cut = () => this.#host.cut();
    if (graceMs === 0) cut();
    else this.#graceTimer = setTimeout(cut, Math.min(graceMs, maxTimerMs));
    await this.#closing;
    clearTimeout(this.#graceTimer);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #shut(): Promise<void> {
    this.#removeFile();
    const closed = new Promise((resolve) => this.#listener.close(resolve));
    this.#host.leave();
    await Promise.all([closed, this.#host.empty]);
  }
}
