import { type CallOptions, isBytes, type OptionCheck, OptionTable, option } from "../core/index.js";
import {
  type ExecSession,
  type PortForwardOptions,
  type SessionOptions,
  type StreamingOptions,
  sessionTable,
  streamingTable,
} from "../streaming/index.js";

/** The streaming options of all sessions of a client, unless a call has its own. */
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

const { signal: _signal, timeoutMs: _timeoutMs, ...streamingDefaults } = streamingTable.checks;

/** The options of {@link StreamingDefaults}. */
export const streamingDefaultsTable = new OptionTable<StreamingDefaults>(streamingDefaults);

/** The input of a command: a string, bytes, or an iterable or stream of them. */
export type CommandInput =
  | string
  | Uint8Array
  | Iterable<string | Uint8Array>
  | AsyncIterable<string | Uint8Array>;

interface InputOptions {
  /**
   * The input to send to `stdin`, followed by its end. Use `stdin: true` instead to write to `session.stdin` yourself. An input that
   * fails ends the session with `aborted_by_caller`.
   * @default none: the command has no input
   */
  readonly input?: CommandInput | undefined;
}

const inputCheck: OptionCheck<CommandInput> = (value) =>
  typeof value === "string" ||
  isBytes(value) ||
  (typeof value === "object" && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value))
    ? undefined
    : { path: "", message: "must be a string, bytes, or an iterable of these" };

/** Options of `cri.exec`. */
export interface ExecOptions extends SessionOptions, InputOptions {
  /**
   * Whether the end of the session by its signal, its deadline or `close()` also kills the command. Otherwise the runtime decides:
   * containerd 1.6, 1.7 and CRI-O let the command continue. The container's `/bin/sh` starts the command, reports its process id and
   * becomes the command; without that shell, `ended` rejects with `exec_not_started`. So it does for a file that is neither a program
   * of the container's own kind nor a script for one. `ended` rejects at once, and the command is killed in the background; `close()`
   * waits for that, for up to ten seconds. Requires `stdout` or `stderr`.
   * @default false
   */
  readonly killOnClose?: boolean | undefined;
}

/** The options of {@link ExecOptions}. */
export const execTable = new OptionTable<ExecOptions>({
  ...sessionTable.checks,
  input: inputCheck,
  killOnClose: option.boolean,
});

/** A command that was started with `killOnClose: true`. */
export interface KillableSession extends ExecSession {
  /** Resolves when it is known whether the process of the command was started. Never rejects. */
  readonly started: Promise<boolean>;
  /**
   * Sends a signal to the command's process group, with a second command in the container. Resolves when the signal was sent or the
   * command has already ended. Rejects with `deadline` after ten seconds.
   * @default "SIGKILL"
   */
  kill(signal?: NodeJS.Signals): Promise<void>;
}

/** Options of `cri.runCommand`. */
export interface RunCommandOptions
  extends Omit<ExecOptions, "stdin" | "stdout" | "stderr" | "keepStdinOpen"> {
  /**
   * As for {@link ExecOptions.killOnClose}: whether the signal, the deadline and `maxOutputBytes` also kill the command. In a
   * container without a shell, the command is started without this guarantee.
   * @default false
   */
  readonly killOnClose?: boolean | undefined;
  /**
   * The limit for stdout and stderr together, in bytes. More output ends the session, and the call rejects with `output_limit`.
   * @default 16 MiB
   */
  readonly maxOutputBytes?: number | undefined;
  /**
   * The type of the collected output: `utf8` for strings (invalid UTF-8 becomes U+FFFD), `buffer` for Buffers.
   * @default "utf8"
   */
  readonly encoding?: "utf8" | "buffer" | undefined;
}

const { stdin: _in, stdout: _out, stderr: _err, keepStdinOpen: _open, ...commandChecks } = execTable.checks;

/** The options of {@link RunCommandOptions}. */
export const runCommandTable = new OptionTable<RunCommandOptions>({
  ...commandChecks,
  maxOutputBytes: option.wholeNumber(0),
  encoding: option.oneOf("utf8", "buffer"),
});

/** The exit code and the output of a command. A non-zero exit code is a result, not an error. */
export interface RunCommandResult<Output extends string | Buffer = string> {
  /** The exit code; 0 is success. */
  readonly exitCode: number;
  /** The signal that an exit code over 128 stands for: 137 is SIGKILL. */
  readonly signal: NodeJS.Signals | undefined;
  /** Everything that the command wrote to stdout. */
  readonly stdout: Output;
  /** Empty with `tty`: a terminal has one output. */
  readonly stderr: Output;
}

/** Options of `cri.attach`. */
export interface AttachOptions extends SessionOptions, InputOptions {}

/** The options of {@link AttachOptions}. */
export const attachTable = new OptionTable<AttachOptions>({ ...sessionTable.checks, input: inputCheck });

/** Options of `cri.portForward`. */
export type ForwardOptions = PortForwardOptions;

/** The progress of a copy. */
export interface CopyProgress {
  /** The bytes of file contents that were sent or written so far. */
  readonly bytes: number;
  /** The files that were started so far. */
  readonly files: number;
  /** The current file, relative to the source; empty for a single file. */
  readonly path: string;
}

/** Options of both directions. */
export interface CopyOptions extends Pick<CallOptions, "signal"> {
  /**
   * The deadline of the whole copy in milliseconds, for all of its commands together; 0 and Infinity mean no deadline.
   * @default none
   */
  readonly timeoutMs?: number | undefined;
  /** Called with the progress at most ten times a second, and at the end. If it throws, the copy fails with `copy_failed`. */
  readonly onProgress?: ((progress: CopyProgress) => void) | undefined;
}

/** The options of {@link CopyOptions}. */
export const copyTable = new OptionTable<CopyOptions>({
  signal: option.signal,
  timeoutMs: option.timeoutMs,
  onProgress: option.callback,
});

/** Options of `cri.copyTo`. */
export interface CopyToOptions extends CopyOptions {
  /**
   * Selects the files and folders to copy, by their path relative to the source (`src/index.ts`). Excluding a folder excludes its
   * contents. If it throws, the copy fails with `copy_failed`.
   * @default all
   */
  readonly filter?: ((path: string) => boolean) | undefined;
  /**
   * The owner of the copies in the container, as ids from 0 to 4294967294. The copy fails with `copy_failed` if the user of the
   * container's commands cannot give files to it; other users than root can do so only for themselves.
   * @default root (0, 0) if the container's commands run as root, else their user
   */
  readonly owner?:
    | {
        /** The user id. */
        readonly uid: number;
        /** The group id. */
        readonly gid: number;
      }
    | undefined;
}

/** The largest user or group id of Linux; -1 means none. */
const maxId = 2 ** 32 - 2;
const ownerTable = new OptionTable<NonNullable<CopyToOptions["owner"]>>({
  uid: option.required(option.wholeNumber(0, maxId)),
  gid: option.required(option.wholeNumber(0, maxId)),
});

/** The options of {@link CopyToOptions}. */
export const copyToTable = new OptionTable<CopyToOptions>({
  ...copyTable.checks,
  filter: option.callback,
  owner: option.nested(ownerTable),
});

/** Options of `cri.copyFrom`. */
export interface CopyFromOptions extends CopyOptions {}

/** The source of a copy into a container: a path on this machine, or the content of one file. */
export type CopySource =
  | string
  | {
      /** The content of the file. */
      readonly content: string | Uint8Array;
      /**
       * The permissions, from 0 to 0o7777; `Stats.mode` of a regular file is accepted, too.
       * @default 0o644
       */
      readonly mode?: number | undefined;
    };

/** The type of a regular file in `Stats.mode`. */
const regularFile = 0o100000;

const contentTable = new OptionTable<Exclude<CopySource, string>>({
  content: option.required((value) =>
    typeof value === "string" || isBytes(value)
      ? undefined
      : { path: "", message: "must be a string or bytes" },
  ),
  mode: (value) =>
    option.wholeNumber(0, regularFile | 0o7777)(value) === undefined && (value & ~regularFile) <= 0o7777
      ? undefined
      : "must be an integer from 0 to 0o7777",
});

/** The check of a {@link CopySource}. */
export const copySourceCheck: OptionCheck<CopySource> = (value: unknown) => {
  if (typeof value === "string") return undefined;
  if (isBytes(value)) return "must be a path or { content }: pass `{ content: bytes }`";
  if (typeof value !== "object" || value === null) return "must be a path or { content }";
  return contentTable.find(value);
};

/** The result of a copy. */
export interface CopyResult {
  /** The number of files that were copied. */
  readonly files: number;
  /** The number of folders that were copied. */
  readonly directories: number;
  /** The number of symbolic links that were copied. */
  readonly links: number;
  /** The bytes of all file contents. */
  readonly bytes: number;
  /**
   * Entries that were not copied, by their path relative to the source, with the reason: devices, sockets, pipes, links that lead
   * outside, names that are not valid UTF-8. Also files that were copied in part, or changed while they were read; their reason begins
   * with `was copied`.
   */
  readonly skipped: readonly {
    /** The path relative to the source. */
    readonly path: string;
    /** Why it was not copied. */
    readonly reason: string;
  }[];
}
