import type { CriError } from "../../../core/index.js";

/** The output channels of a command. */
export type OutputName = "stdout" | "stderr";

/** Callbacks for what a command's client sends. */
export interface CommandListener {
  /** The client has opened every channel of the session. */
  onStart(): void;
  /** Input. Returning false pauses the whole connection until {@link CommandWire.resumeInput}. */
  onInput(chunk: Buffer): boolean;
  /** The client's input has ended. */
  onInputEnd(): void;
  /** A chunk of the resize channel. */
  onResize(chunk: Buffer): void;
  /** The connection has ended; called exactly once, last. */
  onGone(reason: CriError): void;
}

/** A command's channels on a client's connection, over SPDY or WebSocket. */
export interface CommandWire {
  /** Whether the status is sent as JSON or as plain text. */
  readonly jsonStatus: boolean;
  /** Sets the callbacks and starts reading. */
  listen(listener: CommandListener): void;
  /** Sends output; calls `done` when more can be sent, or with an error. */
  write(output: OutputName, chunks: readonly Uint8Array[], done: (error?: Error | null) => void): void;
  resumeInput(): void;
  /** Sends the status after the output and ends the session. An empty status is not sent. */
  finish(status: Buffer): void;
  /** Destroys the connection. */
  destroy(reason: CriError): void;
}
