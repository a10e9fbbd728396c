import { checkArgument, isCriError, type OptionCheck, option, signalOf } from "../core/index.js";
import { malformedStream } from "./errors.js";

/** How a command ended. */
export interface CommandExit {
  /** The command's exit code, 0 to 255. */
  readonly exitCode: number;
  /**
   * The signal that an exit code over 128 stands for by the convention of shells, which runtimes follow: 137 is SIGKILL. A command
   * that exits with such a code by itself looks the same as one that was killed.
   */
  readonly signal: NodeJS.Signals | undefined;
}

/** Creates a {@link CommandExit} from an exit code. */
export function commandExit(exitCode: number): CommandExit {
  return Object.freeze({ exitCode, signal: signalOf(exitCode) });
}

/** The status that the error channel of an exec or attach carries at the end of the session. */
export type ExitStatus =
  /** The command exited with this code, as the runtime observed it. */
  | {
      readonly kind: "exited";
      /** The exit code; 0 is success. */
      readonly exitCode: number;
    }
  /** The session failed in the runtime; most often the command could not be started. */
  | {
      readonly kind: "failed";
      /** The message of the runtime. */
      readonly message: string;
    }
  /** The session ended without a usable status. */
  | {
      readonly kind: "unknown";
      /** What arrived instead; "" for nothing. */
      readonly message: string;
    };

/** The limit for a status in bytes. A status contains the whole command line. */
const statusLimitBytes = 1_048_576;

const noStatus: ExitStatus = Object.freeze({ kind: "unknown", message: "" });

/** Collects the error channel of a session and parses the status at its end. */
export class StatusReader {
  readonly #jsonStatus: boolean;
  #parts: Buffer[] = [];
  #bytes = 0;
  #status: ExitStatus | undefined;

  /** An empty channel means an unknown status in a protocol with JSON statuses, and success in the others. */
  constructor(jsonStatus: boolean) {
    this.#jsonStatus = jsonStatus;
  }

  /** The status; undefined until the channel ended. */
  get status(): ExitStatus | undefined {
    return this.#status;
  }

  /** Adds a part of the status. Throws `malformed_stream` beyond 1 MiB. */
  push(part: Buffer): void {
    this.#bytes += part.byteLength;
    if (this.#bytes > statusLimitBytes)
      throw malformedStream(`status: exceeds the limit of ${statusLimitBytes} bytes`);
    this.#parts.push(part);
  }

  /** Parses the status; `cut` means that it may be incomplete. Throws `malformed_stream` for an invalid complete one. */
  end(cut: boolean): void {
    if (this.#status) return;
    const bytes = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#status = noStatus;
    if (cut && bytes.byteLength === 0) return;
    try {
      this.#status = this.#jsonStatus ? parseJsonStatus(bytes) : parseTextStatus(bytes);
    } catch (error) {
      if (!cut || !isCriError(error)) throw error;
    }
  }
}

/** Parses the JSON status of the v4 and v5 protocols. Throws `malformed_stream`, and `invalid_option` for anything but bytes. */
export function parseJsonStatus(bytes: Uint8Array): ExitStatus {
  checkArgument("parseJsonStatus", "bytes", bytes, option.byteArray);
  if (bytes.byteLength === 0) return { kind: "unknown", message: "the session ended without a status" };
  const status = parseObject(bytes);
  const message = stringOf(status.message);
  if (status.status === "Success") return { kind: "exited", exitCode: 0 };
  if (status.status !== "Failure") throw malformedStream("status: is neither Success nor Failure");
  if (status.reason !== "NonZeroExitCode")
    return { kind: "failed", message: message || stringOf(status.reason) };
  const cause = causesOf(status).find(({ reason }) => reason === "ExitCode");
  const exitCode = Number(stringOf(cause?.message) || Number.NaN);
  // CRI-O sends -1 for an unknown exit code.
  if (!Number.isInteger(exitCode) || exitCode < 0) return { kind: "unknown", message };
  return { kind: "exited", exitCode };
}

/** Parses the text status of the protocols before v4: empty on success, otherwise a sentence with the exit code. */
export function parseTextStatus(bytes: Uint8Array): ExitStatus {
  checkArgument("parseTextStatus", "bytes", bytes, option.byteArray);
  if (bytes.byteLength === 0) return { kind: "exited", exitCode: 0 };
  const message = Buffer.from(bytes).toString("utf8");
  const [, code] = /\bexit (?:code|status) (\d+)\b/.exec(message) ?? [];
  return code === undefined ? { kind: "failed", message } : { kind: "exited", exitCode: Number(code) };
}

/** A status that can be sent. @inline */
type KnownStatus = Exclude<ExitStatus, { kind: "unknown" }>;

const statusCheck: OptionCheck<KnownStatus> = (value: unknown) => {
  const { kind, exitCode, message } = (value ?? {}) as { readonly [name: string]: unknown };
  if (kind === "exited" && Number.isInteger(exitCode)) return undefined;
  if (kind === "failed" && typeof message === "string") return undefined;
  return 'must be { kind: "exited", exitCode: 0 } or { kind: "failed", message: "…" }';
};

/** Formats a status for the v4 and v5 protocols. Throws `invalid_option` for another object. */
export function formatJsonStatus(status: KnownStatus): Buffer {
  checkArgument("formatJsonStatus", "status", status, statusCheck);
  return Buffer.from(JSON.stringify(statusObject(status)));
}

/** Formats a status for the protocols before v4. Throws `invalid_option` for another object. */
export function formatTextStatus(status: KnownStatus): Buffer {
  checkArgument("formatTextStatus", "status", status, statusCheck);
  if (status.kind === "failed") return Buffer.from(status.message);
  return Buffer.from(status.exitCode === 0 ? "" : exitText(status.exitCode));
}

function statusObject(status: KnownStatus): object {
  if (status.kind === "failed")
    return {
      metadata: {},
      status: "Failure",
      message: status.message,
      reason: "InternalError",
      details: { causes: [{ message: status.message }] },
      code: 500,
    };
  if (status.exitCode === 0) return { metadata: {}, status: "Success" };
  return {
    metadata: {},
    status: "Failure",
    message: exitText(status.exitCode),
    reason: "NonZeroExitCode",
    details: { causes: [{ reason: "ExitCode", message: String(status.exitCode) }] },
  };
}

function exitText(exitCode: number): string {
  return `command terminated with non-zero exit code: exit code ${exitCode}`;
}

interface Cause {
  readonly reason?: unknown;
  readonly message?: unknown;
}

function causesOf(status: Record<string, unknown>): Cause[] {
  const { details } = status;
  if (typeof details !== "object" || details === null || !("causes" in details)) return [];
  const { causes } = details;
  return Array.isArray(causes) ? causes.filter((cause) => typeof cause === "object" && cause !== null) : [];
}

function parseObject(bytes: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch (error) {
    throw malformedStream("status: is not valid JSON", error);
  }
  if (typeof value !== "object" || value === null) throw malformedStream("status: is not a JSON object");
  return value as Record<string, unknown>;
}

function stringOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
