import type { IncomingMessage, ServerResponse } from "node:http";
import type { KubeletServerParts } from "./parts.js";
import type { MatchedRoute } from "./routes.js";

/** A request that was authenticated and permitted, for a path that exists. */
export interface RequestContext {
  readonly parts: KubeletServerParts;
  readonly route: MatchedRoute;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly query: URLSearchParams;
  /** Fires when the client disconnects and when the server closes. */
  readonly signal: AbortSignal;
}
