import type { CriError } from "../core/index.js";
import type { StreamingTransport } from "./options.js";

/** What this side sends on. */
export type InputChannel = "stdin" | "resize";
/** What the server sends on; `error` carries how the session ended. */
export type OutputChannel = "stdout" | "stderr" | "error";
export type Channel = InputChannel | OutputChannel;

/** Who hears what the server sends. */
export interface WireListener {
  /** The server has taken up the session. */
  onStarted(): void;
  /** Bytes that came. Answering false stops the reading of the whole connection until the channel is resumed. */
  onData(channel: OutputChannel, part: Buffer): boolean;
  /** Nothing more comes on the channel; `cut` when the connection ended before the server ended the channel. */
  onEnd(channel: OutputChannel, cut: boolean): void;
  /** The server takes no more input. */
  onInputOver(): void;
  /** The connection is over: with an error where it broke. */
  onClosed(error: CriError | undefined): void;
}

/** The channels of one remote command on a connection, whatever carries them. */
export interface Wire {
  readonly transport: StreamingTransport;
  /** The protocol agreed upon: `v4.channel.k8s.io`. */
  readonly protocol: string;
  /** Whether the error channel carries a JSON status, or just a text. */
  readonly jsonStatus: boolean;
  /** Whether the command can be told that its input ended. */
  readonly canEndInput: boolean;
  /** Whether the terminal can be resized. */
  readonly canResize: boolean;
  /** Opens the channels that the session asked the runtime for: exactly these, or it never starts. */
  start(channels: readonly Channel[], listener: WireListener): void;
  /** Sends bytes; `done` is called once more may be sent, or with why not. */
  write(channel: InputChannel, bytes: Uint8Array, done: (error?: Error | null) => void): void;
  /** Tells the command that its input ended. */
  endInput(): void;
  /** Reads on after `onData` answered false. */
  resume(channel: OutputChannel): void;
  keepAlive(): void;
  /** Tells the server that this side leaves; it hangs up. */
  leave(): void;
  /** Ends the connection at once. */
  destroy(): void;
}
