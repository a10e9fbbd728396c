import { type CriError, type CriErrorCode, criError, isCriError, isError } from "../core/index.js";

/** The error of calls and sessions that a closing server ends: the reason of the handler's signal, and the client's status. */
export function serverClosed(what = "the server"): CriError {
  return criError("server_closed", `${what} was closed`);
}

/** {@link serverClosed} for the streaming server. */
export function streamingServerClosed(): CriError {
  return serverClosed("the streaming server");
}

/** The reason of a handler's signal when its client canceled the call or disconnected. */
export function clientCanceled(): CriError {
  return criError("aborted_by_caller", "the client canceled the call or disconnected");
}

/** The error of a call that the server cannot process. */
export function rejectedCall(text: string, code: CriErrorCode = "internal"): CriError {
  return criError(code === "unimplemented" ? "unimplemented" : "malformed_response", text).with({ code });
}

/** The error of a response that is too large, with grpc-go's text, which clients match. */
export function sendLimitExceeded(bytes: number, limitBytes: number): CriError {
  return criError("send_limit", `trying to send message larger than max (${bytes} vs. ${limitBytes})`);
}

/** The reason of a handler's signal when its client ended the streaming session or disconnected. */
export function clientGone(cause?: unknown): CriError {
  return criError("connection_lost", "the client ended the streaming session or disconnected", { cause });
}

/** The reason of a handler's signal when its client closed the streaming session, and wants the command to continue. */
export function clientDetached(): CriError {
  return criError("client_closed", "the client detached from the streaming session");
}

/** The reason of a handler's signal after a session's idle timeout. */
export function sessionIdle(ms: number): CriError {
  return criError("deadline", `the streaming session was idle for ${ms} ms`);
}

/** Returns the text that a client receives when a handler rejects. Handlers may throw anything. */
export function failureText(error: unknown): string {
  try {
    if (isCriError(error)) return error.rawMessage;
    const message = isError(error) ? error.message || error.name : String(error);
    return message || "failed without a message";
  } catch {
    return "failed with an error that cannot be shown";
  }
}
