import type { Duplex } from "node:stream";

/** The open connections of a server; `close()` waits until none remains. */
export class Connections {
  readonly #all = new Set<Duplex>();
  /** Connections without a session. */
  readonly #unused = new Set<Duplex>();
  #waiting: (() => void)[] = [];

  /** Tracks a connection until it closes. */
  add(connection: Duplex, use: "unused" | "session" | "tls"): void {
    if (use === "unused") this.#unused.add(connection);
    else this.#unused.delete(connection);
    if (this.#all.has(connection) || connection.destroyed) return;
    this.#all.add(connection);
    // Errors need no handling here: `close` follows.
    connection.on("error", () => undefined);
    connection.once("close", () => this.#remove(connection));
  }

  /** Destroys the connections without a session. */
  destroyUnused(): void {
    for (const connection of [...this.#unused]) connection.destroy();
  }

  /** Destroys all connections; resolves when they have closed. */
  destroyAll(): Promise<void> {
    for (const connection of [...this.#all]) connection.destroy();
    return new Promise((resolve) => {
      if (this.#all.size === 0) resolve();
      else this.#waiting.push(resolve);
    });
  }

  #remove(connection: Duplex): void {
    this.#all.delete(connection);
    this.#unused.delete(connection);
    if (this.#all.size > 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
