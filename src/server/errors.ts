import { CriError, type CriErrorCode } from "../core/index.js";

/** What a handler's signal fires with, and a client is told, when the server is closed. */
export function serverClosed(what = "the server"): CriError {
  return new CriError({ code: "unavailable", reason: "server_closed", text: `${what} was closed` });
}

/** What a handler's signal fires with when its client cancelled the call, or is gone. */
export function callOver(): CriError {
  const text = "the client ended the call, or was lost";
  return new CriError({ code: "canceled", reason: "aborted_by_caller", text });
}

/** A call that cannot be understood. */
export function callRefused(text: string, code: CriErrorCode = "internal"): CriError {
  return new CriError({
    code,
    reason: code === "unimplemented" ? "unimplemented" : "malformed_response",
    text,
  });
}
