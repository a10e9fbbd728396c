import { Duplex } from "node:stream";
import type { WebSocket } from "ws";

/** The messages of a WebSocket as one stream of bytes, in both directions, wherever the messages are cut. */
export class WebSocketDuplex extends Duplex {
  readonly #webSocket: WebSocket;

  constructor(webSocket: WebSocket) {
    super();
    this.#webSocket = webSocket;
    webSocket.on("message", (data) => {
      // A Buffer, since nothing else was asked for.
      if (!this.push(data as Buffer)) webSocket.pause();
    });
    webSocket.on("error", (error) => this.destroy(error));
    webSocket.once("close", () => {
      if (!this.destroyed) this.push(null);
    });
  }

  override _read(): void {
    if (this.#webSocket.isPaused) this.#webSocket.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#send(chunk, done);
  }

  override _writev(
    chunks: readonly { readonly chunk: Buffer }[],
    done: (error?: Error | null) => void,
  ): void {
    this.#send(Buffer.concat(chunks.map(({ chunk }) => chunk)), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#webSocket.close(1_000);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#webSocket.terminate();
    done(error);
  }

  #send(bytes: Buffer, done: (error?: Error | null) => void): void {
    this.#webSocket.send(bytes, { binary: true }, (error) => done(error ?? null));
  }
}
