import type { Duplex } from "node:stream";
import { CriError } from "../../../core/index.js";
import type { DriverContainer, DriverPod } from "../driver.js";
import { memoryConnection } from "./memory-connection.js";

interface Listener {
  readonly owner: object;
  accept(connection: Duplex): void;
}

/** The ports that programs listen on, pod by pod. */
export class Ports {
  readonly #listeners = new Map<string, Listener>();

  listen({ pod }: DriverContainer, port: number, owner: object, accept: (connection: Duplex) => void): void {
    const key = `${pod.id}:${port}`;
    if (this.#listeners.has(key)) throw new Error(`listen EADDRINUSE: port ${port} is taken in this pod`);
    this.#listeners.set(key, { owner, accept });
  }

  /** Ends everything that a process listens on. Connections are its own to end. */
  close(owner: object): void {
    for (const [key, listener] of this.#listeners) if (listener.owner === owner) this.#listeners.delete(key);
  }

  /** A connection to a port; the program gets the other end of it. */
  connect(pod: DriverPod, port: number): Duplex {
    const listener = this.#listeners.get(`${pod.id}:${port}`);
    if (!listener) {
      const text = `failed to connect to port ${port} in the pod: connection refused`;
      throw new CriError({ code: "unavailable", reason: "port_refused", text });
    }
    const [near, far] = memoryConnection();
    listener.accept(far);
    return near;
  }
}
