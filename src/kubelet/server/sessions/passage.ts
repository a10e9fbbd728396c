import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { monotonicMs } from "../../../core/index.js";

/** How long the other side may still take without a byte after one side has ended. */
const lingerMs = 10_000;

/**
 * How long the runtime's connection stays open at least. A runtime that has to reply to the client's streams when its client has left
 * already would block the output of the container (containerd does).
 */
const minLifetimeMs = 1_000;

/** One side of a session. */
interface Side {
  readonly socket: Duplex;
  /** Bytes that arrived with the headers of the upgrade. */
  readonly head: Buffer;
}

/**
 * Passes the bytes of two connections to each other, without looking at them, until both have ended: with back-pressure, and half-open as
 * they are. When the client has left, the runtime's connection is closed, and the other way round.
 */
export class Passage {
  readonly #client: Duplex;
  readonly #runtime: Duplex;
  readonly #onEnd: () => void;
  readonly #openedAt = monotonicMs();
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  /** @param onEnd called once, when both connections are closed or being closed */
  constructor(client: Side, runtime: Side, idleTimeoutMs: number, onEnd: () => void) {
    this.#client = client.socket;
    this.#runtime = runtime.socket;
    this.#onEnd = onEnd;
    for (const socket of [client.socket, runtime.socket]) {
      // `close` follows.
      socket.on("error", () => undefined);
      if (socket instanceof Socket) socket.setNoDelay(true).setTimeout(idleTimeoutMs, () => this.abort());
    }
    client.socket.once("close", () => this.#clientClosed());
    runtime.socket.once("close", () => this.#runtimeClosed());
    client.socket.once("end", () => this.#waitFor(runtime.socket));
    if (client.head.length > 0) runtime.socket.write(client.head);
    if (runtime.head.length > 0) client.socket.write(runtime.head);
    client.socket.pipe(runtime.socket);
    runtime.socket.pipe(client.socket);
    if (client.socket.destroyed) this.#clientClosed();
    if (runtime.socket.destroyed) this.#runtimeClosed();
  }

  /** Closes both connections at once. */
  abort(): void {
    clearTimeout(this.#timer);
    this.#client.destroy();
    this.#runtime.destroy();
    this.#end();
  }

  /** The client has ended its side: the rest of the runtime's bytes is passed on while it lasts. */
  #waitFor(socket: Duplex): void {
    if (this.#isOver || socket.destroyed) return;
    this.#abortAfter(lingerMs);
    socket.on("data", () => {
      if (!this.#isOver) this.#timer?.refresh();
    });
  }

  #clientClosed(): void {
    const ageMs = monotonicMs() - this.#openedAt;
    if (this.#isOver) return;
    if (this.#runtime.destroyed || ageMs >= minLifetimeMs) {
      this.abort();
      return;
    }
    // What the runtime still sends is dropped.
    this.#runtime.unpipe(this.#client).resume();
    this.#abortAfter(minLifetimeMs - ageMs);
  }

  #runtimeClosed(): void {
    if (this.#isOver) return;
    // `pipe` has ended the client's side when the runtime ended its own; the client still has to receive the last bytes.
    if (this.#client.destroyed || !this.#client.writableEnded) {
      this.abort();
      return;
    }
    // The client's answer to the end is not awaited for long, and what it still sends is dropped.
    const finish = () => {
      this.#client.resume();
      if (!this.#isOver) this.#abortAfter(minLifetimeMs);
    };
    if (this.#client.writableFinished) finish();
    else {
      this.#abortAfter(lingerMs);
      this.#client.once("finish", finish);
    }
  }

  #abortAfter(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.abort(), ms);
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onEnd();
  }
}
