import { CriError, signalOf } from "../core/index.js";
import type { CommandExit } from "./command.js";

/** A command that ended with this code. */
export function commandExit(exitCode: number): CommandExit {
  return Object.freeze({ exitCode, signal: signalOf(exitCode) });
}

/** The runtime's own words for a command that it could not start; everything else is an error of the session. */
const notStarted =
  /failed to (?:start|create) exec|executable file not found|no such file|permission denied|is a directory|args must not be empty|command (?:error|not found)|spawn \S+ E[A-Z]+/i;

/** The session failed in the runtime. */
export function failedInRuntime(message: string): CriError {
  if (notStarted.test(message))
    return new CriError({ code: "failed_precondition", reason: "exec_not_started", text: message });
  return new CriError({ code: "internal", reason: "runtime_error", text: message });
}

/** The session ended, and nothing told how the command did. */
export function exitUnknown(message: string): CriError {
  return new CriError({
    code: "unknown",
    reason: "exit_unknown",
    text: message || "the session ended without telling how the command ended",
    hint: "The command may have succeeded, failed, or still be running",
  });
}

/** What `exit` rejects with when the session is left from here. */
export function closedEarly(): CriError {
  const text = "the session was closed before the command ended";
  return new CriError({ code: "canceled", reason: "client_closed", text });
}

/** The error for a session that must end its input and cannot. */
export function stdinEndUnsupported(protocol: string): CriError {
  return new CriError({
    code: "failed_precondition",
    reason: "stdin_end_unsupported",
    text: `${protocol} over WebSocket cannot end the command's input`,
    hint: 'Use transport: "spdy", or keepStdinOpen where the input never ends',
  });
}
