import type {
  ExecSession,
  PortForwardOptions,
  SessionOptions,
  StreamingOptions,
} from "../streaming/index.js";

/** How a client's sessions reach the runtime's streaming server, where one call does not say otherwise. */
export type StreamingDefaults = Pick<
  StreamingOptions,
  | "transport"
  | "baseUrl"
  | "rewriteUrl"
  | "dial"
  | "tls"
  | "headers"
  | "connectTimeoutMs"
  | "startTimeoutMs"
  | "keepAliveMs"
>;

/** How a command is run. */
export interface ExecOptions extends SessionOptions {
  /**
   * Whether the command is ended for sure when the session is: by its signal, its deadline or `close()`. What closing
   * alone does depends on the runtime: containerd 1.6, 1.7 and CRI-O let the command go on. The command is started by
   * the container's `/bin/sh`, which tells its process id and then becomes the command; without a shell, `exit` rejects
   * with `exec_not_started`. Needs `stdout` or `stderr`.
   * @default false
   */
  readonly kill?: boolean | undefined;
}

/** A command that was started with `kill: true`. */
export interface KillableSession extends ExecSession {
  /** Whether the command's process is there, once that is known; false when it never will be. Never rejects. */
  readonly started: Promise<boolean>;
  /**
   * Sends a signal to the command's process group, by a second command in the container. Resolves when it was sent, or
   * the command is gone.
   * @default "SIGKILL"
   */
  kill(signal?: NodeJS.Signals): Promise<void>;
}

/** What a command is given as its input: text, bytes, or what an iterable or a stream yields. */
export type CommandInput =
  | string
  | Uint8Array
  | Iterable<string | Uint8Array>
  | AsyncIterable<string | Uint8Array>;

/** How a command is run whose output is collected. */
export interface RunOptions
  extends Omit<ExecOptions, "stdin" | "stdout" | "stderr" | "keepStdinOpen" | "kill"> {
  /**
   * Whether the command is ended for sure when the call ends without it: by its signal, its deadline or
   * `maxOutputBytes`. It is then started by the container's `/bin/sh`, whose `PWD` and the like it finds in its
   * environment; in a container without one, it is started as it is.
   * @default true
   */
  readonly kill?: boolean | undefined;
  /**
   * The command's input, and its end.
   * @default none: the command has no input
   */
  readonly input?: CommandInput | undefined;
  /**
   * How much output is taken, stdout and stderr together, in bytes. A command that prints more is ended, and the call
   * rejects with `output_limit`.
   * @default 16 MiB
   */
  readonly maxOutputBytes?: number | undefined;
  /**
   * What the output is given as: a text (invalid UTF-8 becomes U+FFFD), or a Buffer.
   * @default "utf8"
   */
  readonly encoding?: "utf8" | "buffer" | undefined;
}

/** How a command ended, and all it printed. An exit code other than 0 is a result, not an error. */
export interface RunResult<Output extends string | Buffer = string> {
  readonly exitCode: number;
  /** The signal that an exit code over 128 stands for; see {@link ExecSession.exit}. */
  readonly signal: NodeJS.Signals | undefined;
  readonly stdout: Output;
  /** Empty with `tty`: a terminal has one output. */
  readonly stderr: Output;
}

/** How a container is attached to. */
export type AttachOptions = SessionOptions;

/** How the ports of a pod are reached. */
export type ForwardOptions = PortForwardOptions;
