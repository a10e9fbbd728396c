import { Duplex } from "node:stream";
import type { CriError } from "../../../core/index.js";
import { failureText } from "../../errors.js";
import type { StreamingHandlers } from "../handlers.js";

/** The carrier of a forwarded connection: SPDY streams or WebSocket channels. */
export interface ForwardChannel {
  /** Sends chunks; calls `done` when more can be sent, or with an error. */
  write(chunks: readonly Uint8Array[], done: (error?: Error | null) => void): void;
  /** Ends the direction to the client, where the protocol can. */
  end(): void;
  /** Resumes reading after {@link ForwardedClient.receive} returned false. */
  resume(): void;
  /** Resets the connection, because the handler destroyed it. */
  reset(): void;
}

/** The bytes buffered in each direction: several socket buffers. */
const highWaterBytes = 262_144;

/** A client's side of a forwarded connection, as its handler sees it: half-open, as a TCP connection. */
export class ForwardedClient extends Duplex {
  readonly #channel: ForwardChannel;
  #hasEnded = false;

  constructor(channel: ForwardChannel) {
    super({ allowHalfOpen: true, highWaterMark: highWaterBytes });
    this.#channel = channel;
    // Without this listener, a handler that ignores errors would end the process.
    this.on("error", () => undefined);
  }

  /** Buffers a chunk; returns false when the sender should pause. Data after the end is dropped. */
  receive(chunk: Buffer): boolean {
    return this.#hasEnded || this.destroyed || this.push(chunk) || this.destroyed;
  }

  /** Ends the direction from the client. */
  receiveEnd(): void {
    if (this.#hasEnded || this.destroyed) return;
    this.#hasEnded = true;
    this.push(null);
  }

  /** Ends the direction to the client if it is open, and waits until everything was sent. */
  flush(): Promise<void> {
    return new Promise((resolve) => {
      if (this.closed || this.writableFinished) return resolve();
      this.once("finish", resolve);
      this.once("close", resolve);
      if (!this.writableEnded) this.end();
    });
  }

  override _read(): void {
    this.#channel.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#channel.write([chunk], done);
  }

  override _writev(
    chunks: readonly { readonly chunk: Buffer }[],
    done: (error?: Error | null) => void,
  ): void {
    this.#channel.write(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#channel.end();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // A connection that the handler destroyed must not stall the others.
    this.#channel.resume();
    if (!this.writableFinished || error) this.#channel.reset();
    done(error);
  }
}

/** One forwarded connection: connects a handler with the client's channel. */
export class ForwardSession {
  readonly connection: ForwardedClient;
  readonly #abort = new AbortController();

  constructor(channel: ForwardChannel) {
    this.connection = new ForwardedClient(channel);
  }

  /** Runs the handler and resolves when its output was sent, with the error text for the client if it failed. Never rejects. */
  async run(handlers: StreamingHandlers, podSandboxId: string, port: number): Promise<string | undefined> {
    const { connection } = this;
    let failure: string | undefined;
    try {
      await handlers.portForward?.({ podSandboxId, port, connection, signal: this.#abort.signal });
    } catch (error) {
      failure = `error forwarding port ${port} to pod ${podSandboxId}: ${failureText(error)}`;
    }
    await connection.flush();
    // From here on, data from the client is dropped.
    connection.destroy();
    return failure;
  }

  /** Ends the connection because the client disconnected or reset it. */
  abort(reason: CriError): void {
    if (this.#abort.signal.aborted) return;
    this.#abort.abort(reason);
    this.connection.destroy(reason);
  }
}
