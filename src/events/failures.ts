import { CriError, isCriError } from "../core/index.js";

/** What ends whoever reads when nothing more comes. */
export function clientClosed(text = "the client was closed"): CriError {
  return new CriError({ code: "canceled", reason: "client_closed", text });
}

/** The exact layer fails with nothing but CriError; a transport of somebody's own may. */
export function asCriError(cause: unknown): CriError {
  if (isCriError(cause)) return cause;
  return new CriError({ code: "internal", reason: "runtime_error", text: String(cause), cause });
}
