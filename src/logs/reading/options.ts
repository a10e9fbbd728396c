import { isDate, type OptionCheck, OptionTable, option, optionError, within } from "../../core/index.js";
import { invalidCursorFields, type LogCursor } from "../records/position.js";
import type { LogStream } from "../records/record.js";

/** An event that a reader reports besides the entries. */
export type LogNotice =
  /** The log continues in another file. */
  | {
      readonly kind: "rotated";
      /** The file in which the log continues. */
      readonly path: string;
    }
  /** The file was truncated, and is read from its beginning. Lines that had not been read are lost. */
  | {
      readonly kind: "truncated";
      /** The path of the file. */
      readonly path: string;
    }
  /** A line is in no known log format, or NUL bytes precede a record, as after a crash of the machine: both are skipped. */
  | {
      readonly kind: "unreadable";
      /** The path of the file. */
      readonly path: string;
      /** The position of the skipped bytes in the file. */
      readonly offset: number;
      /** The beginning of the skipped bytes. */
      readonly line: string;
    }
  /**
   * A part of a file is damaged, from `offset` on. A compressed file: the reading continues with the next file, and everything before
   * the damage was returned. A long run of NUL bytes in a record: the record is returned with them, because they may be output.
   */
  | {
      readonly kind: "damaged";
      /** The path of the file. */
      readonly path: string;
      /** Where the damage begins, in bytes; in a compressed file, of the uncompressed content. */
      readonly offset: number;
      /** What is damaged. */
      readonly message: string;
    }
  /**
   * The file to continue from was deleted, and possibly later ones. A reader that had it open continues with the oldest later
   * file; a reader that began with a cursor continues with the oldest file, at the cursor's time.
   */
  | {
      readonly kind: "lost";
      /** The path of the deleted file. */
      readonly path: string;
    };

/** The path of a log, or a function that determines it when the reading begins. */
export type LogPath = string | ((signal: AbortSignal) => Promise<string>);

/** Options of `readLogs`. */
export interface ReadLogsOptions {
  /**
   * Reads only the last `tail` lines: whole lines of the container, of the selected stream, counted before `since` and `until`
   * apply. A line that has not ended counts. 0 reads nothing; with `follow`, only output logged from now on.
   *
   * @default all lines
   */
  readonly tail?: number | undefined;
  /** Reads only lines logged at this time or later. A bigint is nanoseconds since 1970. @default no limit */
  readonly since?: Date | bigint | undefined;
  /**
   * Reads only lines logged before this time. The reading ends at the first later line; with `follow`, at the latest one
   * second after this time. A bigint is nanoseconds since 1970. @default no limit
   */
  readonly until?: Date | bigint | undefined;
  /** Reads only what was printed to this stream. @default both */
  readonly stream?: LogStream | undefined;
  /**
   * Reads at most this many bytes of messages, newlines included. The last entry may be cut, and is `truncated` then.
   *
   * @default no limit
   */
  readonly limitBytes?: number | undefined;
  /**
   * Whether to wait for more lines at the end of the log, across rotations and truncation. {@link LogEndReason} lists when the
   * reading ends.
   *
   * @default false
   */
  readonly follow?: boolean | undefined;
  /**
   * Returns whether the container still runs. With `follow`, it is called at the end of the log, at most once a second. After
   * `false` the rest is read, and the log ends with `container_ended`. If it throws, the reading fails: with a CriError as it
   * is, with another error as the cause of `log_failed`.
   *
   * @default none: the log ends with `log_gone` when its file has been missing for 5 seconds
   */
  readonly running?: ((signal: AbortSignal) => boolean | Promise<boolean>) | undefined;
  /** With `follow`: whether to wait for a file that does not exist yet. @default false: fails with `log_missing` */
  readonly wait?: boolean | undefined;
  /** Whether to begin with the rotated files, the oldest first. @default false: begins with the file at the path */
  readonly includeRotated?: boolean | undefined;
  /**
   * Where to continue: the `cursor` of an earlier reader of the same log. `tail` and `includeRotated` are ignored then.
   *
   * @default the beginning
   */
  readonly from?: LogCursor | undefined;
  /**
   * The longest line, in bytes, that is joined from its pieces. A longer one becomes several entries, of which all but the last
   * are `partial`. 0 joins nothing: each record becomes an entry.
   *
   * @default 1048576
   */
  readonly maxLineBytes?: number | undefined;
  /** The interval at which `follow` checks the file even if the system reports no change, in milliseconds. @default 1000 */
  readonly pollMs?: number | undefined;
  /** Called for rotations, truncation, unreadable lines, damaged and deleted files. @default none */
  readonly onNotice?: ((notice: LogNotice) => void) | undefined;
  /** Cancels the reading, which fails with `aborted_by_caller`, or with `deadline` for a timeout. @default none */
  readonly signal?: AbortSignal | undefined;
}

const timeCheck: OptionCheck<Date | bigint> = (value) =>
  typeof value === "bigint" || option.date(value) === undefined
    ? undefined
    : "must be a valid Date, or nanoseconds as a bigint";

/** The options of {@link ReadLogsOptions}. */
export const readLogsTable = new OptionTable<ReadLogsOptions>({
  tail: option.wholeNumber(0),
  since: timeCheck,
  until: timeCheck,
  stream: option.oneOf("stdout", "stderr"),
  limitBytes: option.wholeNumber(0),
  follow: option.boolean,
  running: option.callback,
  wait: option.boolean,
  includeRotated: option.boolean,
  from: (value) => {
    const [field] = invalidCursorFields(value);
    const path = field?.slice("from".length);
    return path === undefined
      ? undefined
      : { path, message: "must be a value that LogReader.cursor returned", shown: [value] };
  },
  maxLineBytes: option.wholeNumber(0),
  pollMs: option.wholeNumber(1),
  onNotice: option.callback,
  signal: option.signal,
});

/** The options of a reader, with defaults. */
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

/**
 * Validates options and applies the defaults.
 *
 * @throws {CriError} `invalid_option`, with a problem for each invalid option.
 */
export function resolveReadOptions(path: LogPath, options: ReadLogsOptions): ResolvedReadOptions {
  const isPath = typeof path === "string" ? path !== "" && !path.includes("\0") : typeof path === "function";
  if (!isPath || readLogsTable.find(options) !== undefined) {
    const wrongPath = isPath ? [] : [within(".path", "must be the path of a file", path)];
    throw optionError("readLogs", ...wrongPath, ...readLogsTable.problems(options));
  }
  const resolved: ResolvedReadOptions = {
    tail: options.tail,
    sinceNanos: nanosOf(options.since),
    untilNanos: nanosOf(options.until),
    stream: options.stream,
    limitBytes: options.limitBytes ?? Number.POSITIVE_INFINITY,
    follow: options.follow ?? false,
    running: options.running,
    wait: options.wait ?? false,
    includeRotated: options.includeRotated ?? false,
    from: options.from,
    maxLineBytes: options.maxLineBytes ?? 1_048_576,
    pollMs: options.pollMs ?? 1_000,
    onNotice: options.onNotice ?? (() => undefined),
  };
  return Object.freeze(resolved);
}

function nanosOf(time: Date | bigint | undefined): bigint | undefined {
  return isDate(time) ? BigInt(time.getTime()) * 1_000_000n : time;
}
