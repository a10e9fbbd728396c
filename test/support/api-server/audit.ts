import type { JsonValue } from "./json.js";

/** A request that the server has answered, or is answering. */
export interface AuditEntry {
  /** Milliseconds since 1970. */
  readonly timeMs: number;
  readonly user: string;
  /** get, list, watch, create, update, patch, delete or deletecollection. */
  readonly verb: string;
  /** The path with its query. */
  readonly url: string;
  /** Such as `pods` or `pods/status`; "" for paths without a resource. */
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly query: Readonly<Record<string, string>>;
  readonly contentType: string;
  readonly userAgent: string;
  readonly body?: JsonValue;
  /** The HTTP status: undefined until the answer begins. */
  code?: number;
  /** Why the request was refused, if it was. */
  refusal?: string;
}
