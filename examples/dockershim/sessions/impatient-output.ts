import { Writable } from "node:stream";
import { criError } from "cri-sdk/server";

/** How long a client may take to read what was sent to it, in milliseconds. */
const defaultPatienceMs = 10_000;

/**
 * A client's output that does not wait for its reader forever. A container whose output is not read stops at its next write, and
 * so does its log. A slow client slows its container down, as with other runtimes; one that has stopped reading is disconnected.
 */
export class ImpatientOutput extends Writable {
  readonly #client: Writable;
  readonly #patienceMs: number;
  /** Rejects when the client has stopped reading. */
  readonly failed: Promise<never>;

  constructor(client: Writable, patienceMs = defaultPatienceMs) {
    // Buffers nothing: what was written when a copy ends has been passed on.
    super({ highWaterMark: 0 });
    this.#client = client;
    this.#patienceMs = patienceMs;
    this.failed = new Promise((_, reject) => this.once("error", reject));
    this.failed.catch(() => undefined);
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    const client = this.#client;
    // That the client has left is reported by its signal.
    if (client.destroyed || client.write(chunk)) {
      done();
      return;
    }
    const settle = (error?: Error) => {
      clearTimeout(timer);
      client.off("drain", goOn).off("close", goOn);
      done(error);
    };
    const goOn = () => settle();
    client.on("drain", goOn).on("close", goOn);
    const text = `the client has not read its output for ${this.#patienceMs} ms, which would stop the container`;
    const timer = setTimeout(
      () => settle(criError("runtime_error", text, { code: "deadline_exceeded" })),
      this.#patienceMs,
    );
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (error) this.#client.destroy();
    done(error);
  }
}
