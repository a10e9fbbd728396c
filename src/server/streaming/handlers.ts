import type { Duplex, Readable, Writable } from "node:stream";
import type { TerminalSize } from "../../streaming/index.js";

/** What is the same for all that a command's handler is given. */
export interface CommandContext {
  /** CRI `container_id`, as the request had it. */
  readonly containerId: string;
  /**
   * The client's input; undefined where the request did not ask for it. It ends when the client ends it, and when the
   * client is gone; the signal, which fires first, tells the two apart. 256 KiB of it are held: while nobody reads it,
   * the connection is not read, and a client that leaves is noticed only after some 20 s.
   */
  readonly stdin: Readable | undefined;
  /**
   * What is written here reaches the client, at the client's pace; undefined where the request did not ask for it. Need
   * not be ended: the end of the handler ends it. Writing fails once the client is gone.
   */
  readonly stdout: Writable | undefined;
  /** As `stdout`. */
  readonly stderr: Writable | undefined;
  /** CRI `tty`: the command's output is all stdout. */
  readonly tty: boolean;
  /** The terminal's sizes as they change: who is late gets the last one only. Ends with the session. Empty without `tty`. */
  readonly resize: AsyncIterable<TerminalSize>;
  /**
   * Fires when the client is gone (`connection_lost`), was idle for too long (`deadline`), or the server is closed
   * (`server_closed`). Nobody hears of the handler's end then. Does not fire after the handler has ended.
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
  /** CRI `pod_sandbox_id`, as the request had it. */
  readonly podSandboxId: string;
  readonly port: number;
  /**
   * The client's side of the connection. Each half ends by itself: its end is the client's, and `end()` tells the
   * client; over WebSocket neither can be told. Destroying it cuts the connection; beware that leaving a `for await`
   * over it destroys it. It is destroyed when the client is gone.
   */
  readonly connection: Duplex;
  /** Fires when the client gave up this connection or is gone, or the server is closed; with the reasons of a command's. */
  readonly signal: AbortSignal;
}

/**
 * What a streaming server does. Without a handler, the kind of session is refused when its URL is asked for. No handler
 * can harm the server: whatever it throws, at once or later, is told to its client only.
 */
export interface StreamingHandlers {
  /**
   * Runs a command; gives its exit code, 0 to 255. Output that was written is sent before the code. A rejection tells
   * the client that the command could not be run: with the message of the error, or its `text` where it is a
   * {@link CriError}.
   */
  readonly exec?: ((context: ExecContext) => Promise<number>) | undefined;
  /** Attaches to a container; resolves when its output has ended. */
  readonly attach?: ((context: AttachContext) => Promise<void>) | undefined;
  /**
   * Connects to a port of a pod; resolves when the connection is over, which ends it for the client. A rejection tells
   * the client why it failed, and ends this connection only; kubectl then ends its whole session.
   */
  readonly portForward?: ((context: PortForwardContext) => Promise<void>) | undefined;
}
