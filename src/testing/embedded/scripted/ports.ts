import { createServer, type Server, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { criError } from "../../../core/index.js";
import type { DriverContainer, DriverPod } from "../driver.js";

interface Listener {
  readonly owner: object;
  accept(connection: Duplex): void;
  readonly server: PodServer | undefined;
}

/** The ports of all pods that programs listen on. */
export class Ports {
  readonly #listeners = new Map<string, Listener>();

  /**
   * Listens on a port of a pod: for port-forward at once, and at the pod's address as soon as the promise resolves. The promise rejects
   * when this host refuses the port.
   */
  listen(
    { pod }: DriverContainer,
    port: number,
    owner: object,
    accept: (connection: Duplex) => void,
  ): Promise<void> {
    const key = `${pod.id}:${port}`;
    if (this.#listeners.has(key))
      throw new Error(`listen EADDRINUSE: port ${port} of the pod is already in use`);
    const server = pod.ip === undefined ? undefined : new PodServer(pod.ip, port, accept);
    this.#listeners.set(key, { owner, accept, server });
    return server?.listening ?? Promise.resolve();
  }

  /** Closes the listeners of a process. Its connections in memory stay open; those to the pod's address end after their last write. */
  close(owner: object): void {
    for (const [key, listener] of this.#listeners) {
      if (listener.owner !== owner) continue;
      this.#listeners.delete(key);
      listener.server?.close();
    }
  }

  /** Connects to a port. The listening program receives the other end. Throws `port_refused`. */
  connect(pod: DriverPod, port: number): Duplex {
    const listener = this.#listeners.get(`${pod.id}:${port}`);
    if (!listener)
      throw criError("port_refused", `failed to connect to port ${port} in the pod: connection refused`);
    const [near, far] = memoryConnection();
    listener.accept(far);
    return near;
  }
}

/** Accepts connections to a port at the address of a pod. */
class PodServer {
  /** Resolves when connections are accepted; rejects when the host refuses the port. */
  readonly listening: Promise<void>;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(host: string, port: number, accept: (connection: Duplex) => void) {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      // A client that resets its connection must not end the process of the test.
      socket.on("error", () => undefined);
      accept(socket);
    });
    this.listening = new Promise((resolve, reject) => {
      this.#server.once("listening", () => resolve());
      // Also called when the server is closed before it listens.
      this.#server.once("close", () => resolve());
      this.#server.once("error", reject);
    });
    // A program that does not wait is reached by port-forward in any case.
    this.listening.catch(() => undefined);
    this.#server.listen({ host, port });
    // A runtime that is not closed must not keep the process alive.
    this.#server.unref();
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroySoon();
  }
}

/** Creates a connection in memory. Its halves end independently, and only the streams' own buffers are used. */
function memoryConnection(): [Duplex, Duplex] {
  const near = new ConnectionEnd();
  const far = new ConnectionEnd();
  near.other = far;
  far.other = near;
  return [near, far];
}

class ConnectionEnd extends Duplex {
  other: ConnectionEnd | undefined;
  /** Completes a write of the other end, once this end reads again. */
  #onRead: (() => void) | undefined;

  constructor() {
    super({ allowHalfOpen: true });
  }

  override _read(): void {
    const onRead = this.#onRead;
    this.#onRead = undefined;
    onRead?.();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    const { other } = this;
    if (!other || other.destroyed) done(new Error("the connection was closed by the other end"));
    else if (other.push(chunk)) done();
    else other.#onRead = done;
  }

  override _final(done: () => void): void {
    if (this.other && !this.other.destroyed) this.other.push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const { other } = this;
    // Destroying one end breaks the connection, unless its output had ended.
    if (other && !other.destroyed && !this.writableFinished) other.destroy();
    this.#onRead?.();
    done(error);
  }
}
