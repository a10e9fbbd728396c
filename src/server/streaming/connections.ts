import type { Duplex } from "node:stream";

/** The connections of a server, so that none is left when it is closed. */
export class Connections {
  readonly #all = new Set<Duplex>();
  /** Those that carry no session. */
  readonly #unused = new Set<Duplex>();
  #waiting: (() => void)[] = [];

  /** Keeps a connection until its end. */
  add(connection: Duplex, use: "unused" | "session" | "tls"): void {
    if (use === "unused") this.#unused.add(connection);
    else this.#unused.delete(connection);
    if (this.#all.has(connection) || connection.destroyed) return;
    this.#all.add(connection);
    // A connection that fails is told of by its end.
    connection.on("error", () => undefined);
    connection.once("close", () => this.#remove(connection));
  }

  /** Ends those that carry no session. */
  destroyUnused(): void {
    for (const connection of [...this.#unused]) connection.destroy();
  }

  /** Ends all of them; resolves when they are gone. */
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
