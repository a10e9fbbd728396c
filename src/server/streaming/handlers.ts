import type { Duplex, Readable, Writable } from "node:stream";
import type { TerminalSize } from "../../streaming/index.js";

/** What is the same for all that a command's handler is given. */
export interface CommandContext {
  /** CRI `container_id`, as the request had it. */
  readonly containerId: string;
  /** The client's input; undefined where the request did not ask for it. It ends when the client ends it, or leaves. */
  readonly stdin: Readable | undefined;
  /** What is written here reaches the client, at the client's pace; undefined where the request did not ask for it. */
  readonly stdout: Writable | undefined;
  readonly stderr: Writable | undefined;
  /** CRI `tty`: the command's output is all stdout. */
  readonly tty: boolean;
  /** The terminal's sizes, the latest first where several are waiting; ends with the session. Empty without `tty`. */
  readonly resize: AsyncIterable<TerminalSize>;
  /** Fires when the client is gone, or the server is closed. */
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
  /** The client's side of the connection: what is written here reaches the client, and its end is the client's. */
  readonly connection: Duplex;
  /** Fires when the client is gone, or the server is closed. */
  readonly signal: AbortSignal;
}

/** What a streaming server does. A handler that is missing refuses the session. */
export interface StreamingHandlers {
  /**
   * Runs a command; gives its exit code, 0 to 255. Output that was written is sent before the code. A rejection tells
   * the client that the command could not be run: with the message of the error.
   */
  readonly exec?: ((context: ExecContext) => Promise<number>) | undefined;
  /** Attaches to a container; resolves when its output has ended. */
  readonly attach?: ((context: AttachContext) => Promise<void>) | undefined;
  /**
   * Connects to a port of a pod; resolves when the connection is over. A rejection tells the client why it failed, and
   * ends this connection only.
   */
  readonly portForward?: ((context: PortForwardContext) => Promise<void>) | undefined;
}
