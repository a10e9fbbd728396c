// The file format: a header, then one JSON object per line, in the order in which things happened.
import type { CriErrorCode, CriErrorReason } from "../../core/index.js";
import type { TerminalSize } from "../../streaming/index.js";

/** The version of the format that this release writes and reads. */
export const formatVersion = 1;

/** The first line of a recording. */
export interface Header {
  readonly format: "cri-sdk recording";
  readonly version: number;
  /** When the recording was started, as an ISO 8601 time. */
  readonly startedAt: string;
  /** The fields that were masked besides those with `debug_redact`: a replay masks them in its calls, too. */
  readonly maskFields: readonly string[];
}

/** A message in protobuf's JSON form, without the fields that have their default value. */
export type MessageJson = { readonly [field: string]: unknown };

/** A message, and its bytes where JSON cannot represent it: it has fields that this schema does not know. */
export interface MessageText {
  readonly json: MessageJson;
  /** In base64. */
  readonly bytes?: string | undefined;
}

/** Bytes of a stream: a string if they are UTF-8, otherwise base64. */
export type ChunkText = string | { readonly base64: string };

/** An error as its caller received it. */
export interface ErrorText {
  readonly code: CriErrorCode;
  readonly reason: CriErrorReason;
  readonly message: string;
}

/** The time of a line, in milliseconds since the recording was started. */
interface Timed {
  readonly ms: number;
}

/** The beginning of a call. `rpc` is CRI's name, or the path of an RPC of another service. */
export interface CallLine extends Timed {
  readonly call: number;
  readonly rpc: string;
  readonly request: MessageJson;
  readonly bytes?: string | undefined;
}

/** What happened to a call after its beginning. */
export type CallStep =
  /** The response of a unary call. */
  | { readonly response: MessageJson; readonly bytes?: string | undefined }
  /** One message of a stream. */
  | { readonly message: MessageJson; readonly bytes?: string | undefined }
  /** The end of a stream, or the cancellation of any call by its caller. */
  | { readonly end: "finished" | "canceled" }
  | { readonly error: ErrorText };

/** The beginning of a session on the URL of a call of Exec, Attach or PortForward. */
export interface SessionLine extends Timed {
  readonly session: number;
  readonly call: number;
  /** The port of the pod, for PortForward. */
  readonly port?: number | undefined;
}

/** A stream of a session: `sent` and `received` are the two directions of a forwarded connection. */
export type SessionStream = "stdin" | "stdout" | "stderr" | "sent" | "received";

/** What happened in a session after its beginning. */
export type SessionStep =
  | { readonly stream: SessionStream; readonly data: ChunkText }
  /** The end of one direction: the client's, or that of a forwarded connection. */
  | { readonly closed: SessionStream }
  | { readonly resize: TerminalSize }
  /** The end of a command. */
  | { readonly exitCode: number }
  | { readonly end: "finished" | "canceled" }
  | { readonly error: ErrorText };

/** The content of a container's log when the container was removed, or when the recording ended. */
export interface LogLine extends Timed {
  readonly log: string;
  /** The log_path of the container's status. */
  readonly path: string;
  readonly content: ChunkText;
}

/** A line after the header. */
export type Line =
  | CallLine
  | ({ readonly call: number } & CallStep & Timed)
  | SessionLine
  | ({ readonly session: number } & SessionStep & Timed)
  | LogLine;

/** Converts bytes to their form in a line. */
export function chunkText(bytes: Uint8Array): ChunkText {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buffer.toString("utf8");
  return Buffer.from(text, "utf8").equals(buffer) ? text : { base64: buffer.toString("base64") };
}

/** Converts the form of a line back to bytes. */
export function chunkBytes(chunk: ChunkText): Buffer {
  return typeof chunk === "string" ? Buffer.from(chunk, "utf8") : Buffer.from(chunk.base64, "base64");
}
