import type { Duplex, Readable, Writable } from "node:stream";
import { OptionTable, option } from "../../core/index.js";
import type { TerminalSize } from "../../streaming/index.js";

/** The streams and properties of a command session. */
export interface CommandContext {
  /** CRI `container_id` of the request. */
  readonly containerId: string;
  /**
   * The client's input; undefined if the request did not ask for it. It ends when the client ends it, and when the client
   * disconnects; in the second case the signal fires first. 256 KiB are buffered: while the handler does not read, the connection is
   * not read either, and a disconnect is noticed only after about 20 s.
   */
  readonly stdin: Readable | undefined;
  /**
   * The command's output to the client, with back-pressure; undefined if the request did not ask for it. It ends with the
   * handler, so ending it is optional. Writes fail after the client has disconnected.
   */
  readonly stdout: Writable | undefined;
  /** Like `stdout`. */
  readonly stderr: Writable | undefined;
  /** CRI `tty`: all output of the command goes to stdout. */
  readonly tty: boolean;
  /** The terminal's sizes as they change; a slow reader gets the latest only. Ends with the session. Empty without `tty`. */
  readonly resize: AsyncIterable<TerminalSize>;
  /**
   * Fires when the client disconnects (`connection_lost`), detaches (`client_closed`: it sent GOAWAY, or closed the WebSocket with
   * code 1000) or was idle for too long (`deadline`), or the server closes (`server_closed`). The handler's result is then discarded.
   * Does not fire after the handler has ended.
   */
  readonly signal: AbortSignal;
}

/** A command to run in a container. */
export interface ExecContext extends CommandContext {
  /** CRI `cmd`: the program and its arguments. */
  readonly command: readonly string[];
}

/** A container to attach to. */
export type AttachContext = CommandContext;

/** A connection to a port of a pod. */
export interface PortForwardContext {
  /** CRI `pod_sandbox_id` of the request. */
  readonly podSandboxId: string;
  /** The port of the pod. */
  readonly port: number;
  /**
   * The client's side of the connection. It is half-open: its end is the client's end, and `end()` ends the other direction;
   * WebSocket cannot transmit either. Destroying it ends the connection; note that leaving a `for await` over it destroys it.
   * It is destroyed when the client disconnects.
   */
  readonly connection: Duplex;
  /** Fires when the client resets this connection or disconnects, or the server closes, with the same reasons as for a command. */
  readonly signal: AbortSignal;
}

/**
 * The handlers of a streaming server. Without a handler, requesting a URL for that kind of session fails with `unimplemented`.
 * Errors that a handler throws, synchronously or later, are sent to its client only.
 */
export interface StreamingHandlers {
  /**
   * Runs a command; resolves with its exit code, 0 to 255. Output is flushed before the code is sent. A rejection reports that the
   * command could not be run, with the error's message, or the `rawMessage` of a {@link CriError}.
   */
  readonly exec?: ((context: ExecContext) => Promise<number>) | undefined;
  /** Attaches to a container; resolves when its output has ended. */
  readonly attach?: ((context: AttachContext) => Promise<void>) | undefined;
  /**
   * Connects to a port of a pod; resolves when the connection has ended, which ends it for the client. A rejection is reported to the
   * client and ends this connection only; kubectl then ends its whole session.
   */
  readonly portForward?: ((context: PortForwardContext) => Promise<void>) | undefined;
}

/** The handlers of {@link StreamingHandlers}. */
export const handlersTable = new OptionTable<StreamingHandlers>({
  exec: option.callback,
  attach: option.callback,
  portForward: option.callback,
});
