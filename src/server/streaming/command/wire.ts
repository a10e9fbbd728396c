import type { CriError } from "../../../core/index.js";

/** What a command's output is sent on. */
export type OutputName = "stdout" | "stderr";

/** Who hears of a command's client. */
export interface CommandListener {
  /** The client has opened all that was agreed upon. */
  onStart(): void;
  /** Input. Answering false stops the reading of the whole connection until {@link CommandWire.resumeInput}. */
  onInput(part: Buffer): boolean;
  /** The client's input has ended. */
  onInputEnd(): void;
  /** A part of the resize channel. */
  onResize(part: Buffer): void;
  /** The connection is over. Said exactly once. */
  onGone(why: CriError): void;
}

/** A command's channels on a client's connection, whatever carries them. */
export interface CommandWire {
  /** Whether the status is JSON, or a text. */
  readonly jsonStatus: boolean;
  /** Begins to report. */
  listen(listener: CommandListener): void;
  /** Sends output; `done` is called once more may be sent, or with why not. */
  write(output: OutputName, parts: readonly Uint8Array[], done: (error?: Error | null) => void): void;
  resumeInput(): void;
  /** Sends the status after what was written, and ends the session. An empty status is none. */
  finish(status: Buffer): void;
  /** Ends the connection at once. */
  destroy(why: CriError): void;
}
