import { type CriError, type CriErrorDetails, criError } from "../core/index.js";

/** Creates the error for bytes that violate SPDY, a WebSocket channel protocol or a message format of the session. */
export function malformedStream(text: string, cause?: unknown): CriError {
  return criError("malformed_stream", text, { cause });
}

/** Creates the error for a streaming connection that ended before its session. */
export function streamLost(text: string, details?: CriErrorDetails): CriError {
  return criError("connection_lost", text, details);
}

/** Creates the error for a streaming server that exceeded `ms` milliseconds; `operation` is an infinitive. */
export function startTimeout(operation: string, ms: number): CriError {
  return criError("start_timeout", `the streaming server did not ${operation} within ${ms} ms`);
}

/** Texts with which runtimes report on the stream that the container or the pod does not run, as CRI-O does. */
const notRunning =
  /is not (?:created or )?running|is not in ready state|is in CONTAINER_\w+ state|was stopped|network namespace (?:for|path of) sandbox \S+ is (?:closed|empty)/i;
/** Texts with which runtimes report on the stream that a container or pod does not exist. */
const missing =
  /(?:could not|cannot|can't) find (?:container|sandbox|pod)|no such (?:container|sandbox|pod)\b|(?:container|sandbox)(?: with ID)?(?: starting with)?(?: "?[\w-]+"?)? (?:not found|does not exist)/i;

/**
 * Texts with which runtimes report that they could not start a command: of containerd, runc and crun. Any other text is an error of
 * the session.
 */
const notStarted =
  /failed to (?:start|create) exec|executable file (?:`[^`]*` )?not found|is not executable|is not a regular file|exec format error|no such file|permission denied|is a directory|args must not be empty|command (?:error|not found)|spawn \S+ E[A-Z]+/i;

/** Returns the reason for a runtime's text about the state of a container or a pod; undefined for any other text. */
export function stateReason(message: string): "wrong_state" | "object_missing" | undefined {
  if (notRunning.test(message)) return "wrong_state";
  return missing.test(message) ? "object_missing" : undefined;
}

/** Creates the error for a session that failed in the runtime, from the runtime's own text. */
export function failedInRuntime(message: string): CriError {
  const reason = stateReason(message) ?? (notStarted.test(message) ? "exec_not_started" : undefined);
  if (reason !== undefined) return criError(reason, message);
  return criError("runtime_error", message, { code: "internal" });
}

/** Creates the error for a session that ended without an exit code. */
export function exitUnknown(message: string): CriError {
  return criError("exit_unknown", message || "the session ended without an exit code", {
    hint: "Check whether the command took effect before you repeat it: it may have succeeded, failed, or still be running",
  });
}

/** Creates the error for a session that the caller closed or detached from. */
export function sessionClosed(): CriError {
  return criError("client_closed", "the session was closed before the command ended");
}

/** Creates the error for a session whose protocol cannot end the command's input. */
export function stdinEndUnsupported(protocol: string): CriError {
  return criError("stdin_end_unsupported", `${protocol} over WebSocket cannot end the command's input`, {
    hint: 'Pass `transport: "spdy"`, or `keepStdinOpen: true` if the input never ends',
  });
}
