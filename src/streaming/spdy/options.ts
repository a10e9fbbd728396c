import type { CriError } from "../../core/index.js";
import type { SpdyStream } from "./stream.js";

/** How a connection behaves. */
export interface SpdyOptions {
  /** Who opened the HTTP upgrade: a client opens streams with odd ids, a server takes them. */
  readonly role: "client" | "server";
  /** Bytes that came with the answer to the upgrade, after its headers. */
  readonly head?: Buffer | undefined;
  /** The peer opened a stream: accept it with `reply()`, or refuse it with `reset()`. Without it, all are refused. */
  readonly onStream?: ((stream: SpdyStream) => void) | undefined;
  /** The connection is over: without an error after a GOAWAY, or when the peer hung up. Said exactly once. */
  readonly onEnd?: ((error: CriError | undefined) => void) | undefined;
  /** The client leaves (GOAWAY). Only for a server: to a client it is the end. */
  readonly onGoaway?: (() => void) | undefined;
  /** Streams that may be open at a time; more are refused. Default: 1,000 */
  readonly maxStreams?: number | undefined;
}
