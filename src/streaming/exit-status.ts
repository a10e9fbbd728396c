import { malformedStream } from "./errors.js";

/** What the error channel of an exec or attach told at its end. */
export type ExitStatus =
  /** The command ended with this code, as the runtime saw it. */
  | { readonly kind: "exited"; readonly exitCode: number }
  /** The session failed in the runtime: most often the command could not be started. */
  | { readonly kind: "failed"; readonly message: string }
  /** Nothing that tells how the command ended. */
  | { readonly kind: "unknown"; readonly message: string };

/** The most that is held of an error channel: a status names the whole command line. */
export const statusLimitBytes = 1_048_576;

/** Reads the JSON status of v4 and v5. Bytes that are no status throw `malformed_stream`. */
export function parseJsonStatus(bytes: Uint8Array): ExitStatus {
  if (bytes.byteLength === 0) return { kind: "unknown", message: "the session ended without a status" };
  const status = parseObject(bytes);
  const message = text(status.message);
  if (status.status === "Success") return { kind: "exited", exitCode: 0 };
  if (status.status !== "Failure") throw malformedStream(`a status that is neither Success nor Failure`);
  if (status.reason !== "NonZeroExitCode") return { kind: "failed", message: message || text(status.reason) };
  const cause = causesOf(status).find(({ reason }) => reason === "ExitCode");
  const exitCode = Number(text(cause?.message) || Number.NaN);
  // CRI-O says -1 where it does not know the code.
  if (!Number.isInteger(exitCode) || exitCode < 0) return { kind: "unknown", message };
  return { kind: "exited", exitCode };
}

/** Reads the text of the protocols before v4: nothing for a success, a sentence with the code else. */
export function parseTextStatus(bytes: Uint8Array): ExitStatus {
  if (bytes.byteLength === 0) return { kind: "exited", exitCode: 0 };
  const message = Buffer.from(bytes).toString("utf8");
  const [, code] = /\bexit (?:code|status) (\d+)\b/.exec(message) ?? [];
  return code === undefined ? { kind: "failed", message } : { kind: "exited", exitCode: Number(code) };
}

/** Writes a status as v4 and v5 carry it. */
export function formatJsonStatus(status: Exclude<ExitStatus, { kind: "unknown" }>): Buffer {
  return Buffer.from(JSON.stringify(statusObject(status)));
}

/** Writes a status as the protocols before v4 carry it. */
export function formatTextStatus(status: Exclude<ExitStatus, { kind: "unknown" }>): Buffer {
  if (status.kind === "failed") return Buffer.from(status.message);
  return Buffer.from(status.exitCode === 0 ? "" : exitText(status.exitCode));
}

function statusObject(status: Exclude<ExitStatus, { kind: "unknown" }>): object {
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
    throw malformedStream("a status that is no JSON", error);
  }
  if (typeof value !== "object" || value === null) throw malformedStream("a status that is no JSON object");
  return value as Record<string, unknown>;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
