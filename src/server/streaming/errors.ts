import { CriError, isCriError, type Problem } from "../../core/index.js";
import { serverClosed } from "../errors.js";

/** What a handler's signal fires with when its client has left, or was lost. */
export function clientGone(cause?: unknown): CriError {
  const text = "the client ended the streaming session, or was lost";
  return new CriError({ code: "unavailable", reason: "connection_lost", text, cause });
}

/** What a handler's signal fires with when its server is closed, and what is said to whoever asks it for more. */
export function streamingServerClosed(): CriError {
  return serverClosed("the streaming server");
}

/** What a handler's signal fires with after a session's idle timeout. */
export function sessionIdle(ms: number): CriError {
  const text = `the streaming session was idle for ${ms} ms`;
  return new CriError({ code: "deadline_exceeded", reason: "deadline", text });
}

/** A request for a session that cannot be. */
export function invalidRequest(problems: readonly Problem[]): CriError {
  const text = problems.map(({ path, message }) => `${path} ${message}`).join("; ");
  return new CriError({ code: "invalid_argument", reason: "invalid_request", text, problems });
}

/** What a client is told of a handler's rejection. */
export function messageOf(error: unknown): string {
  try {
    if (isCriError(error)) return error.text;
    const message = error instanceof Error ? error.message || error.name : String(error);
    return message || "failed without a message";
  } catch {
    // Anything may be thrown, also what cannot be made a text.
    return "failed with an error that cannot be shown";
  }
}
