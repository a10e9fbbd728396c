import { CriError, describe, type Problem } from "../../core/index.js";
import type { LogStream } from "../records/header.js";
import { checkCursor, type LogCursor } from "./cursor.js";

/** What a reader tells beside the entries. */
export type LogNotice =
  /** The log goes on in another file. */
  | { readonly kind: "rotated"; readonly path: string }
  /** The file was cut, and is read from its beginning; lines that were not read before that are lost. */
  | { readonly kind: "truncated"; readonly path: string }
  /** A line is in no format of a log, and is passed over. `line` is its beginning, `offset` its place in the file. */
  | { readonly kind: "unreadable"; readonly path: string; readonly offset: number; readonly line: string }
  /**
   * The file to go on from was deleted, and others after it, perhaps. A reader that had it open goes on with the oldest later
   * one; one that began with a cursor, with the oldest that is there, where the cursor's time is.
   */
  | { readonly kind: "lost"; readonly path: string };

/** Options of `readLogs`. */
export interface ReadLogsOptions {
  /**
   * Only the last so many lines: whole lines of the container, of the chosen stream, counted before `since` and `until` are
   * looked at. A line that has not ended counts. 0 gives nothing, or with `follow` what comes from now on.
   *
   * @default all lines
   */
  readonly tail?: number | undefined;
  /** Only lines logged at this time or later. A bigint is nanoseconds since 1970. @default no limit */
  readonly since?: Date | bigint | undefined;
  /**
   * Only lines logged before this time. The first line that is not ends the reading; with `follow` so does the time itself, a
   * second later. A bigint is nanoseconds since 1970. @default no limit
   */
  readonly until?: Date | bigint | undefined;
  /** Only what was printed to this stream. @default both */
  readonly stream?: LogStream | undefined;
  /** At most so many bytes of messages, newlines included; the last entry may be cut, and is `truncated` then. @default no limit */
  readonly limitBytes?: number | undefined;
  /** Whether to wait for more at the end, through rotations and truncation, until one of {@link LogEndReason}. @default false */
  readonly follow?: boolean | undefined;
  /**
   * Asked by `follow` at the end of the log, at most once a second, whether the container still runs. After `false` the rest is
   * read, and the log ends with `container_ended`. The reading fails with what it throws: a CriError as it is, anything else as the cause of `log_failed`.
   *
   * @default nobody is asked: the log ends with `log_gone` when its file has been missing for 5 seconds
   */
  readonly running?: ((signal: AbortSignal) => boolean | Promise<boolean>) | undefined;
  /** With `follow`: whether to wait for a file that is not there yet. @default false: fails with `log_missing` */
  readonly wait?: boolean | undefined;
  /** Whether to begin with the rotated files, the oldest first. @default false: with the file at the path */
  readonly includeRotated?: boolean | undefined;
  /**
   * Where to go on: the `cursor` of an earlier reader of the same log. `tail` and `includeRotated` are not looked at then.
   *
   * @default the beginning
   */
  readonly from?: LogCursor | undefined;
  /**
   * The longest line, in bytes, that is joined from its pieces. A longer one comes as several entries, of which all but the last
   * are `partial`. 0 joins nothing: an entry for each record.
   *
   * @default 1048576
   */
  readonly maxLineBytes?: number | undefined;
  /** How often `follow` looks at the file, in milliseconds, should the system not tell of a change. @default 1000 */
  readonly pollMs?: number | undefined;
  /** Told of rotations, truncation, unreadable lines, and files that are gone. @default nobody */
  readonly onNotice?: ((notice: LogNotice) => void) | undefined;
  /** Stops the reading: it fails with `aborted_by_caller`, or `deadline` for a timeout. @default none */
  readonly signal?: AbortSignal | undefined;
}

/** Options as a reader needs them. */
export interface ResolvedReadOptions {
  readonly tail: number | undefined;
  readonly sinceNanos: bigint | undefined;
  readonly untilNanos: bigint | undefined;
  readonly stream: LogStream | undefined;
  readonly limitBytes: number;
  readonly follow: boolean;
  readonly running: ((signal: AbortSignal) => boolean | Promise<boolean>) | undefined;
  readonly wait: boolean;
  readonly includeRotated: boolean;
  readonly from: LogCursor | undefined;
  readonly maxLineBytes: number;
  readonly pollMs: number;
  readonly onNotice: (notice: LogNotice) => void;
}

/** @throws {CriError} `invalid_option`, with a problem for each option that has a value it cannot have. */
export function resolveReadOptions(path: string | undefined, options: ReadLogsOptions): ResolvedReadOptions {
  const problems: Problem[] = [];
  const wrong = (path: string, value: unknown, message: string) => problems.push({ path, value, message });
  const count = (name: "tail" | "limitBytes" | "maxLineBytes" | "pollMs", least: number) => {
    const value = options[name];
    if (value !== undefined && !(Number.isInteger(value) && value >= least))
      wrong(name, value, `must be a whole number, ${least} or more`);
    return value;
  };
  const nanos = (name: "since" | "until") => {
    const value = options[name];
    if (value === undefined || typeof value === "bigint") return value;
    if (value instanceof Date && !Number.isNaN(value.getTime())) return BigInt(value.getTime()) * 1_000_000n;
    wrong(name, value, "must be a valid Date, or nanoseconds as a bigint");
    return undefined;
  };
  if (path !== undefined && (typeof path !== "string" || path === "" || path.includes("\0")))
    wrong("path", path, "must be the path of a file");
  if (options.stream !== undefined && options.stream !== "stdout" && options.stream !== "stderr")
    wrong("stream", options.stream, "must be stdout or stderr");
  for (const { path, message } of checkCursor(options.from)) wrong(path, options.from, message);
  const resolved: ResolvedReadOptions = {
    tail: count("tail", 0),
    sinceNanos: nanos("since"),
    untilNanos: nanos("until"),
    stream: options.stream,
    limitBytes: count("limitBytes", 0) ?? Number.POSITIVE_INFINITY,
    follow: options.follow ?? false,
    running: options.running,
    wait: options.wait ?? false,
    includeRotated: options.includeRotated ?? false,
    from: options.from,
    maxLineBytes: count("maxLineBytes", 0) ?? 1_048_576,
    pollMs: count("pollMs", 1) ?? 1_000,
    onNotice: options.onNotice ?? (() => undefined),
  };
  if (problems.length === 0) return Object.freeze(resolved);
  throw new CriError({
    code: "invalid_argument",
    reason: "invalid_option",
    text: problems.map(({ path, message, value }) => `${path} ${message}, got ${describe(value)}`).join("; "),
    problems,
  });
}
