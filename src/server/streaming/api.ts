import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type {
  StreamingAttachRequest,
  StreamingExecRequest,
  StreamingPortForwardRequest,
} from "./requests.js";

/** CRI's answer to Exec, Attach and PortForward: where the client goes next. Good once, for a while. */
export interface StreamingAnswer {
  readonly url: string;
}

/** How a streaming server is closed. */
export interface CloseOptions {
  /**
   * How long sessions under way may go on, in milliseconds. New ones are refused at once.
   * @default 0
   */
  readonly graceMs?: number | undefined;
}

/** Serves the sessions that CRI's Exec, Attach and PortForward give URLs for. `await using` closes it. */
export interface StreamingServer extends AsyncDisposable {
  /** What the URLs begin with: `http://127.0.0.1:40123`. */
  readonly baseUrl: string;
  /** How many sessions are under way. */
  readonly sessions: number;
  /** Prepares what CRI's Exec asks for. Throws `invalid_request`, `unimplemented`, `stream_limit`, `server_closed`. */
  exec(request: StreamingExecRequest): StreamingAnswer;
  /** Prepares what CRI's Attach asks for. Throws as `exec` does. */
  attach(request: StreamingAttachRequest): StreamingAnswer;
  /** Prepares what CRI's PortForward asks for. Throws as `exec` does. */
  portForward(request: StreamingPortForwardRequest): StreamingAnswer;
  /** Takes over a connection, decrypted, whose client is about to send HTTP/1.1. It may be one in memory. */
  handleConnection(connection: Duplex): void;
  /** Answers a request of another HTTP server that asks for no upgrade: always by refusing it. */
  handleRequest(request: IncomingMessage, response: ServerResponse): void;
  /** Takes over an upgrade of another HTTP server: what its `upgrade` event was given. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /**
   * Refuses new sessions, and resolves when no connection is left. Sessions that are still under way after `graceMs`
   * are cut: their handlers' signals fire. May be called again, to make it quicker.
   */
  close(options?: CloseOptions): Promise<void>;
}
