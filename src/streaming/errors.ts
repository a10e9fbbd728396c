import { CriError, type CriErrorInit } from "../core/index.js";

/** Bytes that are no SPDY, no WebSocket channel message, or no message of the session's own protocols. */
export function malformedStream(text: string, cause?: unknown): CriError {
  return new CriError({ code: "internal", reason: "malformed_stream", text, cause });
}

/** The streaming connection ended before the session did. */
export function streamLost(text: string, more?: Partial<CriErrorInit>): CriError {
  return new CriError({ code: "unavailable", reason: "connection_lost", text, ...more });
}

/** The streaming server did not do its part in time. */
export function startTimeout(what: string, ms: number): CriError {
  const text = `the streaming server did not ${what} within ${ms} ms`;
  return new CriError({ code: "deadline_exceeded", reason: "start_timeout", text });
}
