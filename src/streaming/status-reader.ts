import { isCriError } from "../core/index.js";
import { malformedStream } from "./errors.js";
import { type ExitStatus, parseJsonStatus, parseTextStatus, statusLimitBytes } from "./exit-status.js";

const nothing: ExitStatus = Object.freeze({ kind: "unknown", message: "" });

/** Reads the error channel of a session, which tells at its end how the command ended. */
export class StatusReader {
  readonly #jsonStatus: boolean;
  #parts: Buffer[] = [];
  #bytes = 0;
  #status: ExitStatus | undefined;

  /** With a JSON status, nothing said means nothing known; without one, it means success. */
  constructor(jsonStatus: boolean) {
    this.#jsonStatus = jsonStatus;
  }

  /** What the channel told; undefined before its end. */
  get status(): ExitStatus | undefined {
    return this.#status;
  }

  /** Throws `malformed_stream` for more than any status has. */
  push(part: Buffer): void {
    this.#bytes += part.byteLength;
    if (this.#bytes > statusLimitBytes)
      throw malformedStream(`a status of more than ${statusLimitBytes} bytes`);
    this.#parts.push(part);
  }

  /** The channel is over; `cut` when it may have had more to say. Throws `malformed_stream` for what is no status. */
  end(cut: boolean): void {
    if (this.#status) return;
    const bytes = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#status = nothing;
    if (cut && bytes.byteLength === 0) return;
    try {
      this.#status = this.#jsonStatus ? parseJsonStatus(bytes) : parseTextStatus(bytes);
    } catch (error) {
      if (!cut || !isCriError(error)) throw error;
    }
  }
}
