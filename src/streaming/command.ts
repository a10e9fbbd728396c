import type { Readable, Writable } from "node:stream";
import type { StreamingOptions, StreamingTransport } from "./options.js";
import type { TerminalSize } from "./resize.js";

/**
 * Which streams a session has. They must be those that the URL was asked for (`ExecRequest`, `AttachRequest`): a server
 * waits 30 s for one that is missing, and then keeps silent.
 */
export interface SessionStreams {
  /** CRI `stdin`. @default false */
  readonly stdin?: boolean | undefined;
  /** CRI `stdout`. @default true */
  readonly stdout?: boolean | undefined;
  /** CRI `stderr`; a terminal has none. @default true, false with `tty` */
  readonly stderr?: boolean | undefined;
  /** CRI `tty`: the command runs on a terminal, and all its output is stdout. @default false */
  readonly tty?: boolean | undefined;
}

/** A session's options. */
export interface SessionOptions extends StreamingOptions, SessionStreams {
  /**
   * The terminal's size at the start; `resize()` changes it. Only with `tty`.
   * @default 80 columns, 24 rows
   */
  readonly size?: TerminalSize | undefined;
  /**
   * Whether `stdin` is never going to be ended, as a shell's is not. Then a WebSocket protocol that cannot tell the end
   * is good enough. Ending `stdin` all the same fails it with `stdin_end_unsupported`.
   * @default false; true with `tty`, where ending means sending a ^D
   */
  readonly keepStdinOpen?: boolean | undefined;
  /**
   * How long to wait for the command's status, in milliseconds, once its output has ended while input was sent:
   * containerd never sends one when a command left more than about 128 KiB of its input unread. It is also how long to
   * wait for outputs to end once the status is known.
   * @default 5_000
   */
  readonly exitGraceMs?: number | undefined;
}

/** How a command ended. */
export interface CommandExit {
  /** The command's exit code, 0 to 255. */
  readonly exitCode: number;
  /**
   * The signal that an exit code over 128 stands for by the shells' convention (137 is SIGKILL), which runtimes follow.
   * A command that ends by itself with such a code cannot be told from one that was killed.
   */
  readonly signal: NodeJS.Signals | undefined;
}

/** A connection to a command in a container. `await using` closes it. */
export interface Session extends AsyncDisposable {
  /**
   * The command's input; undefined where none was asked for. End it to let the command see the end of its input. What
   * the command does not take any more is dropped. At the end of the session it is destroyed without an error, as the
   * `stdin` of a child process is: a `pipeline()` into it whose source has not ended rejects then, with
   * `ERR_STREAM_PREMATURE_CLOSE`.
   */
  readonly stdin: Writable | undefined;
  /**
   * The command's output. Read it, or do not ask for it: 256 KiB are held, then the whole session stops being read,
   * and with it the other output and the exit.
   */
  readonly stdout: Readable | undefined;
  /** The command's error output; as with `stdout`. */
  readonly stderr: Readable | undefined;
  /** Whether the command runs on a terminal: then its output is all `stdout`, with a CR before each LF. */
  readonly tty: boolean;
  /** What carries the session. */
  readonly transport: StreamingTransport;
  /** The protocol that the server agreed to: `v4.channel.k8s.io`. */
  readonly protocol: string;
  /** Tells the terminal its size. Throws `invalid_option` for a session without `tty`, or a size that is none. */
  resize(size: TerminalSize): void;
  /**
   * Hangs up. A command then ends on containerd 2.1, and goes on elsewhere (docs/exec.md); a container that was
   * attached to is not affected. Resolves when the connection is gone. Idempotent; does nothing after the end.
   */
  close(): Promise<void>;
  /** Leaves the session, and the command running, on every runtime. Resolves when the connection is gone. */
  detach(): Promise<void>;
}

/** A command that was started in a container. */
export interface ExecSession extends Session {
  /**
   * How the command ended, once its output has come in whole. Always settles. Rejects with {@link CriError}:
   * `exec_not_started`, `exit_unknown`, `connection_lost`, `start_timeout`, `deadline`, `aborted_by_caller`, or
   * `client_closed` after `close()`. Need not be awaited.
   */
  readonly exit: Promise<CommandExit>;
}

/** A connection to the main process of a container. */
export interface AttachSession extends Session {
  /**
   * Resolves when the container's output has ended: when its process ended, or closed its outputs. A status tells its
   * exit code; the session does not. Always settles; rejects as {@link ExecSession.exit} does. Need not be awaited.
   */
  readonly ended: Promise<void>;
}
