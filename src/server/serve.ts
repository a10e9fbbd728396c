import { once } from "node:events";
import type { Server } from "node:net";
import {
  checkArgument,
  criError,
  invalidOption,
  maxTimerMs,
  messageOf,
  OptionTable,
  option,
} from "../core/index.js";
import { MemoryLimit } from "../http2/index.js";
import { type Endpoint, parseEndpoint } from "../transport/index.js";
import { Dispatcher } from "./dispatch.js";
import { Deadlines } from "./grpc/deadlines.js";
import { Envelopes } from "./grpc/envelopes.js";
import { createListener } from "./grpc/listener.js";
import { GrpcServer } from "./grpc/server.js";
import { type Services, servicesTable } from "./implementation.js";
import { listenOnFile, type SocketFileOptions, socketFileTable } from "./socket-file.js";
import { type CloseOptions, closeTable } from "./streaming/api.js";
import { type ServerTlsOptions, serverTlsTable } from "./streaming/options.js";

/** Options of {@link serve}. The default limits of messages are containerd's. */
export interface ServeOptions extends SocketFileOptions {
  /**
   * The largest request, in bytes; a larger one fails with `resource_exhausted`.
   * @default 16_777_216
   */
  readonly readLimitBytes?: number | undefined;
  /**
   * The largest response, in bytes; `resource_exhausted` is sent instead of a larger one.
   * @default 16_777_216
   */
  readonly writeLimitBytes?: number | undefined;
  /**
   * The memory for requests of all clients that have not arrived completely, in bytes. A call whose request needs more fails with
   * `resource_exhausted`. The default holds 16 requests of the largest size.
   * @default 268_435_456
   */
  readonly requestBufferLimitBytes?: number | undefined;
  /**
   * The memory for responses of all calls that clients have not taken yet, in bytes: beyond what their flow-control windows allow. A call
   * whose response needs more ends with RST_STREAM ENHANCE_YOUR_CALM, which gRPC clients report as `resource_exhausted`. The default holds
   * 16 responses of the largest size.
   * @default 268_435_456
   */
  readonly responseBufferLimitBytes?: number | undefined;
  /**
   * The concurrent calls of one connection, which the client learns as SETTINGS_MAX_CONCURRENT_STREAMS. Clients queue further calls.
   * The default is far above the needs of a kubelet with 100 pods.
   * @default 1_000
   */
  readonly callLimit?: number | undefined;
  /**
   * The open connections; further ones are closed at once. A client needs one. The default leaves half of the 1,024 files that a process
   * may usually open.
   * @default 500
   */
  readonly connectionLimit?: number | undefined;
  /**
   * The time for a client's HTTP/2 SETTINGS after it has connected, in milliseconds; then the connection is closed. The default is
   * grpc-go's.
   * @default 120_000
   */
  readonly handshakeTimeoutMs?: number | undefined;
  /** The certificate and key; required for an `https://` endpoint and only valid there. */
  readonly tls?: ServerTlsOptions | undefined;
}

const limit = option.wholeNumber(1, 2 ** 31 - 1);

/** The options of {@link ServeOptions}. */
export const serveTable = new OptionTable<ServeOptions>({
  ...socketFileTable.checks,
  readLimitBytes: limit,
  writeLimitBytes: limit,
  requestBufferLimitBytes: limit,
  responseBufferLimitBytes: limit,
  callLimit: limit,
  connectionLimit: limit,
  handshakeTimeoutMs: limit,
  tls: option.nested(serverTlsTable),
});

/** {@link ServeOptions} with defaults, validated. */
export interface ResolvedServeOptions extends SocketFileOptions {
  readonly readLimitBytes: number;
  readonly writeLimitBytes: number;
  readonly requestBufferLimitBytes: number;
  readonly responseBufferLimitBytes: number;
  readonly callLimit: number;
  readonly connectionLimit: number;
  readonly handshakeTimeoutMs: number;
  readonly tls: ServerTlsOptions | undefined;
}

const mebibyte = 2 ** 20;

/** A CRI server at an endpoint. `await using` closes it. */
export interface CriServer extends AsyncDisposable {
  /** The endpoint as a URL for `connect()`: `unix:///run/shim.sock`. */
  readonly endpoint: string;
  /** The number of open connections. */
  readonly connections: number;
  /** The number of calls in flight, event streams included. */
  readonly calls: number;
  /**
   * Refuses new calls, removes the socket file, and resolves when every connection is closed. Calls still in flight after
   * `graceMs` (default 0) fail with `unavailable`, and their handlers' signals fire. A second call may shorten the grace.
   */
  close(options?: CloseOptions): Promise<void>;
}

/**
 * Serves RuntimeService, ImageService or both over gRPC, for the kubelet, crictl and every other CRI client. Resolves when
 * the server listens.
 *
 * `endpoint` is a socket path or `unix:///path`, for which a stale socket is replaced and missing directories are created; or
 * `unix-abstract:name`, `npipe:////./pipe/name`, `tcp://host:port`, or `https://host:port` with {@link ServeOptions.tls}.
 *
 * Rejects with {@link CriError}: `invalid_endpoint`, `invalid_option`, `endpoint_in_use` when another process listens on the
 * path or a file of another kind exists there, and `unreachable` when listening fails otherwise.
 */
export async function serve(
  endpoint: string,
  services: Services,
  options: ServeOptions = {},
): Promise<CriServer> {
  const address = parseEndpoint(endpoint);
  checkArgument("serve", "services", services, option.handlers(servicesTable));
  serveTable.check("serve", options);
  const resolved = resolveServeOptions(options);
  if ((address.kind === "tcp" && address.tls) !== (resolved.tls !== undefined))
    throw invalidOption(
      "tls",
      resolved.tls && "(not shown)",
      "must be set for an https:// endpoint, and only there",
    );
  const listener = createListener(resolved.tls);
  const grpc = new GrpcServer(
    listener,
    {
      dispatcher: new Dispatcher(services),
      deadlines: new Deadlines(),
      responseForm: new Envelopes(resolved.writeLimitBytes),
      readLimitBytes: resolved.readLimitBytes,
      buffers: new MemoryLimit(resolved.requestBufferLimitBytes),
    },
    resolved,
    address,
  );
  const removeFile = await listen(listener, address, resolved);
  // A listening server reports only errors of single connections.
  listener.on("error", () => undefined);
  return new ListeningServer(address.url, listener, grpc, removeFile);
}

async function listen(listener: Server, address: Endpoint, options: SocketFileOptions): Promise<() => void> {
  if (address.kind === "unix") return listenOnFile(listener, address.path, options);
  try {
    if (address.kind === "tcp") listener.listen({ host: address.host, port: address.port });
    else listener.listen({ path: address.kind === "pipe" ? address.path : `\0${address.name}` });
    await once(listener, "listening");
    return () => undefined;
  } catch (cause) {
    const text = `cannot listen on ${address.url}: ${messageOf(cause)}`;
    throw criError("unreachable", text, { cause });
  }
}

class ListeningServer implements CriServer {
  readonly endpoint: string;
  readonly #listener: Server;
  readonly #grpc: GrpcServer;
  readonly #removeFile: () => void;
  #closing: Promise<void> | undefined;
  #graceTimer: NodeJS.Timeout | undefined;

  constructor(endpoint: string, listener: Server, grpc: GrpcServer, removeFile: () => void) {
    this.endpoint = endpoint;
    this.#listener = listener;
    this.#grpc = grpc;
    this.#removeFile = removeFile;
  }

  get connections(): number {
    return this.#grpc.connections;
  }

  get calls(): number {
    return this.#grpc.calls;
  }

  async close(options: CloseOptions = {}): Promise<void> {
    closeTable.check("close", options);
    const { graceMs = 0 } = options;
    clearTimeout(this.#graceTimer);
    this.#closing ??= this.#drain();
    const closeNow = () => this.#grpc.closeNow();
    if (graceMs === 0) closeNow();
    else this.#graceTimer = setTimeout(closeNow, Math.min(graceMs, maxTimerMs));
    await this.#closing;
    clearTimeout(this.#graceTimer);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #drain(): Promise<void> {
    this.#removeFile();
    const closed = new Promise((resolve) => this.#listener.close(resolve));
    this.#grpc.drain();
    await Promise.all([closed, this.#grpc.closed]);
  }
}

/** Resolves the defaults of options that {@link serveTable} has checked. */
export function resolveServeOptions(options: ServeOptions): ResolvedServeOptions {
  const { mode, owner, tls, readLimitBytes, writeLimitBytes } = options;
  const {
    requestBufferLimitBytes,
    responseBufferLimitBytes,
    callLimit,
    connectionLimit,
    handshakeTimeoutMs,
  } = options;
  return Object.freeze({
    mode,
    owner,
    tls,
    readLimitBytes: readLimitBytes ?? 16 * mebibyte,
    writeLimitBytes: writeLimitBytes ?? 16 * mebibyte,
    requestBufferLimitBytes: requestBufferLimitBytes ?? 256 * mebibyte,
    responseBufferLimitBytes: responseBufferLimitBytes ?? 256 * mebibyte,
    callLimit: callLimit ?? 1_000,
    connectionLimit: connectionLimit ?? 500,
    handshakeTimeoutMs: handshakeTimeoutMs ?? 120_000,
  });
}
