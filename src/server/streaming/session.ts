import type { CriError } from "../../core/index.js";

/** A session under way. */
export interface ServedSession {
  /** Ends it at once, with its connection. */
  abort(why: CriError): void;
}
