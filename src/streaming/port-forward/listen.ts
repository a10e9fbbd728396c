import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { abortError, criError, messageOf, onAbort } from "../../core/index.js";
import { checkDuration } from "../options.js";
import type { LinkedConnection } from "./connection.js";
import type { ForwardListener, ListenOptions } from "./options.js";

/** The default of `idleAfterEndMs`. */
const defaultIdleMs = 10_000;

/** Opens connections of a {@link Listener} to the pod. */
export type Connect = () => Promise<LinkedConnection>;

/**
 * Listens on a local port whose connections lead to a port of the pod. Rejects with `unreachable` when the address is not
 * available, and with `invalid_option`.
 */
export async function listenFor(
  remotePort: number,
  { port = remotePort, host = "127.0.0.1", idleAfterEndMs = defaultIdleMs, onError, signal }: ListenOptions,
  connect: Connect,
  onClosed: (listener: ForwardListener) => void,
): Promise<ForwardListener> {
  const idleMs = idleAfterEndMs === 0 ? 0 : checkDuration("options.idleAfterEndMs", idleAfterEndMs);
  if (signal?.aborted) throw abortError(signal);
  // A client that has ended its side still waits for the reply.
  const server = createServer({ allowHalfOpen: true, noDelay: true });
  try {
    server.listen({ port, host });
    await once(server, "listening");
  } catch (cause) {
    const message = messageOf(cause);
    throw criError("unreachable", `cannot listen on ${host}:${port}: ${message}`, { cause });
  }
  if (signal?.aborted) {
    // The signal fired while the port was being opened.
    const closed = once(server, "close");
    server.close();
    await closed;
    throw abortError(signal);
  }
  return new Listener(server, connect, idleMs, onError ?? (() => undefined), signal, onClosed);
}

class Listener implements ForwardListener {
  readonly host: string;
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #onClosed: (listener: ForwardListener) => void;
  readonly #removeAbortCallback: () => void;
  #closing: Promise<void> | undefined;

  constructor(
    server: Server,
    connect: Connect,
    idleMs: number,
    onError: (error: unknown) => void,
    signal: AbortSignal | undefined,
    onClosed: (listener: ForwardListener) => void,
  ) {
    const address = server.address() as AddressInfo;
    this.host = address.address;
    this.port = address.port;
    this.#server = server;
    this.#onClosed = onClosed;
    this.#removeAbortCallback = onAbort(signal, () => void this.close());
    server.on("error", onError);
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
      // Until the connection to the pod is open, an error of the client's side has no other listener.
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

  async #close(): Promise<void> {
    this.#removeAbortCallback();
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
    this.#onClosed(this);
  }
}

/**
 * Copies bytes in both directions. The end of the client's side does not end the connection, since the reply may still arrive; the
 * connection closes after `idleMs` without a byte in either direction. 0 sets no limit.
 */
function join(
  client: Socket,
  remote: LinkedConnection,
  idleMs: number,
  onError: (error: unknown) => void,
): void {
  if (client.destroyed) {
    remote.destroy();
    return;
  }
  client.pipe(remote);
  remote.pipe(client);
  client.once("close", () => remote.destroy());
  // A port that receives the end decides itself when to hang up.
  if (idleMs > 0 && !remote.passesEnd) {
    // A client may have ended before the connection to the pod was open.
    if (client.readableEnded) closeWhenIdle(client, remote, idleMs);
    else client.once("end", () => closeWhenIdle(client, remote, idleMs));
  }
  remote.once("error", (error) => {
    client.destroy();
    onError(error);
  });
  remote.once("close", () => {
    // The port hung up without ending its output: no more reply can arrive.
    if (!client.writableEnded) client.destroy();
    // Discards further bytes of the client; otherwise its end would not be noticed.
    else client.resume();
  });
}

/**
 * Closes the connection after `idleMs` without a byte. A client that has disconnected looks the same as one that waits for its reply,
 * and many ports wait for their client to hang up, so the connection might otherwise stay open forever.
 */
function closeWhenIdle(client: Socket, remote: LinkedConnection, idleMs: number): void {
  remote.on("timeout", () => {
    // The client is still reading what has arrived.
    if (client.writableLength > 0 || remote.readableLength > 0) remote.setTimeout(idleMs);
    else remote.destroy();
  });
  remote.setTimeout(idleMs);
}
