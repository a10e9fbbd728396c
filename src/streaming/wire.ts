import type { CriError } from "../core/index.js";
import type { StreamingTransport } from "./options.js";
import type { Channel, InputChannel, OutputChannel } from "./protocols.js";

/** Callbacks for the events of a {@link Wire}. */
export interface WireListener {
  /** The server has started the session. */
  onStarted(): void;
  /** Bytes arrived. Returning false pauses the whole connection until the channel is resumed. */
  onData(channel: OutputChannel, part: Buffer): boolean;
  /** The channel ended; `cut` when the connection ended before the server ended the channel. */
  onEnd(channel: OutputChannel, cut: boolean): void;
  /** The server accepts no more input. */
  onInputOver(): void;
  /** The connection ended; with an error when it broke. */
  onClosed(error: CriError | undefined): void;
}

/** The channels of one remote command on one connection, independent of the transport. */
export interface Wire {
  readonly transport: StreamingTransport;
  /** The negotiated protocol: `v4.channel.k8s.io`. */
  readonly protocol: string;
  /** Whether the error channel carries a JSON status. */
  readonly jsonStatus: boolean;
  /** Whether the protocol can end the command's input. */
  readonly canEndInput: boolean;
  /** Whether the protocol can resize the terminal. */
  readonly canResize: boolean;
  /** Opens the channels. They must be exactly those of the CRI request, otherwise the session never starts. */
  start(channels: readonly Channel[], listener: WireListener): void;
  /** Sends chunks together. Calls `done` when the next ones may be sent, or with an error. */
  write(channel: InputChannel, chunks: readonly Uint8Array[], done: (error?: Error | null) => void): void;
  /** Ends the command's input. */
  endInput(): void;
  /** Continues reading after `onData` returned false. */
  resume(channel: OutputChannel): void;
  /** Sends a ping. */
  keepAlive(): void;
  /** Announces to the server that this side is leaving; the server then hangs up. */
  leave(): void;
  /** Ends the connection immediately. */
  destroy(): void;
}
