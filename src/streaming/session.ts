import type { Readable, Writable } from "node:stream";
import { invalidOption, OptionTable, option } from "../core/index.js";
import type { CommandExit } from "./exit-status.js";
import { checkDuration, type StreamingOptions, type StreamingTransport, streamingTable } from "./options.js";
import { type Channel, commandChannels } from "./protocols.js";
import { encodeResize, sizeTable, type TerminalSize } from "./resize.js";

/**
 * The streams of a session. They must be those of the request for the URL (`ExecRequest`, `AttachRequest`): a server waits 30 s for
 * a missing stream, and then does not report it.
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

/** Options of a session. */
export interface SessionOptions extends StreamingOptions, SessionStreams {
  /**
   * The initial size of the terminal; `resize()` changes it. Only with `tty`.
   * @default 80 columns, 24 rows
   */
  readonly size?: TerminalSize | undefined;
  /**
   * Whether `stdin` will never be ended, as with an interactive shell. This permits a WebSocket protocol that cannot end the input;
   * ending `stdin` on such a protocol fails it with `stdin_end_unsupported`.
   * @default false; true with `tty`, where ending `stdin` sends a ^D
   */
  readonly keepStdinOpen?: boolean | undefined;
  /**
   * How long to wait for the command's status after its outputs have ended, in milliseconds, if input was sent: containerd never
   * sends a status when a command left more than about 128 KiB of its input unread. Also how long to wait for the end of the outputs
   * after the status.
   * @default 5_000
   */
  readonly exitGraceMs?: number | undefined;
}

/** The options of {@link SessionOptions}. */
export const sessionTable = new OptionTable<SessionOptions>({
  ...streamingTable.checks,
  stdin: option.boolean,
  stdout: option.boolean,
  stderr: option.boolean,
  tty: option.boolean,
  size: option.nested(sizeTable),
  keepStdinOpen: option.boolean,
  exitGraceMs: option.timerMs,
});

/** A connection to a command in a container. `await using` closes it. */
export interface Session<End = unknown> extends AsyncDisposable {
  /**
   * The command's input; undefined unless requested. End it to let the command see the end of its input. Bytes that the command
   * does not read are dropped. At the end of the session it is destroyed without an error, as the `stdin` of a child process is; a
   * `pipeline()` into it whose source has not ended then rejects with `ERR_STREAM_PREMATURE_CLOSE`.
   */
  readonly stdin: Writable | undefined;
  /**
   * The command's output. Read it, or do not request it: after 256 KiB of unread output the whole session is paused,
   * including the other output and the status.
   */
  readonly stdout: Readable | undefined;
  /** The command's error output; the same rules as for `stdout` apply. */
  readonly stderr: Readable | undefined;
  /**
   * Settles when the session has ended and its output has arrived completely. Rejects with {@link CriError}: `exec_not_started`,
   * `exit_unknown`, `connection_lost`, `start_timeout`, `deadline`, `aborted_by_caller`, or `client_closed` after `close()` and
   * `detach()`. Always settles; need not be awaited.
   */
  readonly ended: Promise<End>;
  /** Whether the command runs on a terminal. Its output is then all `stdout`, with a CR before each LF. */
  readonly tty: boolean;
  /** The transport of the session. */
  readonly transport: StreamingTransport;
  /** The protocol that the server agreed to: `v4.channel.k8s.io`. */
  readonly protocol: string;
  /** Resizes the terminal. Throws `invalid_option` for a session without `tty` and for an invalid size. */
  resize(size: TerminalSize): void;
  /**
   * Hangs up. The command then ends on containerd 2.1 and continues on other runtimes (docs/exec.md); a container that was attached
   * to continues. Resolves at once, when the session has ended. Idempotent; does nothing after the end of the session.
   *
   * The socket of a session that the server has not started yet stays open in the background, and keeps the process alive, until
   * the server has replied, for up to five seconds: hanging up earlier would block a container of containerd forever.
   */
  close(): Promise<void>;
  /**
   * Leaves the session without ending the command, on every runtime. Resolves when the server has hung up, or after a second. The
   * socket may stay open as after {@link Session.close}.
   */
  detach(): Promise<void>;
}

/** A session of a command that was started in a container; `ended` resolves with its exit code. */
export type ExecSession = Session<CommandExit>;

/**
 * A connection to the main process of a container; `ended` resolves when the process has ended or has closed its outputs. The
 * session does not report the exit code: call ContainerStatus.
 */
export type AttachSession = Session<void>;

/** A session's options, complete and validated. */
export interface SessionPlan {
  readonly channels: readonly Channel[];
  readonly tty: boolean;
  readonly size: TerminalSize;
  readonly keepStdinOpen: boolean;
  readonly exitGraceMs: number;
}

/** Applies the defaults of a session's options and validates them. Throws `invalid_option`. */
export function planSession(options: SessionOptions): SessionPlan {
  const { stdin = false, stdout = true, tty = false, stderr = !tty } = options;
  const { size = { columns: 80, rows: 24 }, keepStdinOpen = tty, exitGraceMs = 5_000 } = options;
  if (tty && stderr)
    throw invalidOption("stderr", true, "cannot be combined with tty: a terminal has one output");
  if (!stdin && !stdout && !stderr)
    throw invalidOption("stdout", false, "must be true unless stdin or stderr is true");
  if (options.size && !tty) throw invalidOption("size", options.size, "requires tty: true");
  encodeResize(size);
  return {
    channels: commandChannels({ stdin, stdout, stderr, tty }),
    tty,
    size,
    keepStdinOpen,
    exitGraceMs: checkDuration("exitGraceMs", exitGraceMs),
  };
}
