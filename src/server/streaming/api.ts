import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { OptionTable, option } from "../../core/index.js";
import type {
  StreamingAttachRequest,
  StreamingExecRequest,
  StreamingPortForwardRequest,
} from "./requests.js";

/** The response to Exec, Attach and PortForward: a URL that is valid once, for a limited time. */
export interface StreamingUrlResponse {
  /** The URL. */
  readonly url: string;
}

/** How a server is closed. */
export interface CloseOptions {
  /**
   * The time that calls and sessions in flight may take to finish, in milliseconds. New ones are refused at once.
   * @default 0
   */
  readonly graceMs?: number | undefined;
}

/** The options of {@link CloseOptions}. */
export const closeTable = new OptionTable<CloseOptions>({ graceMs: option.milliseconds });

/** A server for the sessions behind the URLs of Exec, Attach and PortForward. `await using` closes it. */
export interface StreamingServer extends AsyncDisposable {
  /** The prefix of the URLs: `http://127.0.0.1:40123`. */
  readonly baseUrl: string;
  /** The number of open sessions. */
  readonly sessions: number;
  /** Prepares an exec session for CRI's Exec. Throws `invalid_request`, `unimplemented`, `stream_limit`, `server_closed`. */
  exec(request: StreamingExecRequest): StreamingUrlResponse;
  /** Prepares an attach session for CRI's Attach. Throws as `exec` does. */
  attach(request: StreamingAttachRequest): StreamingUrlResponse;
  /** Prepares a port-forward session for CRI's PortForward. Throws as `exec` does. */
  portForward(request: StreamingPortForwardRequest): StreamingUrlResponse;
  /** Takes over a decrypted connection whose client will send HTTP/1.1. It may be an in-memory one. */
  handleConnection(connection: Duplex): void;
  /** Refuses a request of another HTTP server that does not ask for an upgrade. */
  handleRequest(request: IncomingMessage, response: ServerResponse): void;
  /** Takes over an upgrade of another HTTP server: the arguments of its `upgrade` event. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /**
   * Refuses new sessions, and resolves when every connection is closed. Sessions still open after `graceMs` are
   * aborted: their handlers' signals fire. A second call may shorten the grace.
   */
  close(options?: CloseOptions): Promise<void>;
}
