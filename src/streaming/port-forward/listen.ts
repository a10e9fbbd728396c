import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { CriError, stoppedError } from "../../core/index.js";
import { positive } from "../options.js";
import type { ForwardedConnection } from "./connection.js";
import { join } from "./join.js";
import type { ForwardListener, ListenOptions } from "./options.js";

/** How long a client that has ended may hear nothing of its reply. */
const defaultIdleMs = 10_000;

/**
 * Listens on a local port for connections to a pod's. Rejects with `unavailable` when the address cannot be had, and
 * with `invalid_option`.
 */
export async function listenFor(
  remotePort: number,
  { port = remotePort, host = "127.0.0.1", idleAfterEndMs = defaultIdleMs, onError, signal }: ListenOptions,
  connect: () => Promise<ForwardedConnection>,
  onClosed: (listener: ForwardListener) => void,
): Promise<ForwardListener> {
  const idleMs = idleAfterEndMs === 0 ? 0 : positive("options.idleAfterEndMs", idleAfterEndMs);
  if (signal?.aborted) throw stoppedError(signal);
  // A client that has sent everything still waits for the reply.
  const server = createServer({ allowHalfOpen: true, noDelay: true });
  try {
    server.listen({ port, host });
    await once(server, "listening");
  } catch (cause) {
    const text = `cannot listen on ${host}:${port}: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new CriError({ code: "unavailable", reason: "unreachable", text, cause });
  }
  if (signal?.aborted) {
    // It fired while the address was being had.
    const closed = once(server, "close");
    server.close();
    await closed;
    throw stoppedError(signal);
  }
  return new Listener(server, connect, idleMs, onError ?? (() => undefined), signal, onClosed);
}

class Listener implements ForwardListener {
  readonly host: string;
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #signal: AbortSignal | undefined;
  readonly #onClosed: (listener: ForwardListener) => void;
  #closing: Promise<void> | undefined;

  constructor(
    server: Server,
    connect: () => Promise<ForwardedConnection>,
    idleMs: number,
    onError: (error: unknown) => void,
    signal: AbortSignal | undefined,
    onClosed: (listener: ForwardListener) => void,
  ) {
    const address = server.address() as AddressInfo;
    this.host = address.address;
    this.port = address.port;
    this.#server = server;
    this.#signal = signal;
    this.#onClosed = onClosed;
    signal?.addEventListener("abort", this.#aborted, { once: true });
    server.on("error", onError);
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
      // Before there is anywhere to send them, a failure of the local side is told by its close.
      socket.on("error", onError);
      connect().then(
        (remote) => join(socket, remote, idleMs, onError),
        (error: unknown) => {
          socket.destroy();
          onError(error);
        },
      );
    });
  }

  get connections(): number {
    return this.#sockets.size;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  readonly #aborted = () => void this.close();

  async #close(): Promise<void> {
    this.#signal?.removeEventListener("abort", this.#aborted);
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
    this.#onClosed(this);
  }
}
