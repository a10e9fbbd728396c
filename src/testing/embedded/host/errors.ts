import { type CriError, criError } from "../../../core/index.js";

/**
 * Creates the error for a program that could not be started, worded as container runtimes word it: clients match these
 * texts.
 */
export function notStarted(program: string, why: string, cause?: unknown): CriError {
  return criError("exec_not_started", `failed to start exec ${JSON.stringify(program)}: ${why}`, { cause });
}

/** Creates the error for an operation that the state of the driver, the container or the host does not allow. */
export function wrongState(message: string, hint?: string): CriError {
  return criError("wrong_state", message, { hint });
}

/** Creates the error for a field of the container's config that this driver cannot honor. */
export function invalidRequest(path: string, value: unknown, message: string): CriError {
  return criError("invalid_request", `${path}: ${message}`, { problems: [{ path, message, value }] });
}

/** Creates the error for a state directory that this driver cannot use. */
export function unusableStateDir(path: string, why: string, hint: string, cause?: unknown): CriError {
  const problems = [{ path: "stateDir", message: why, value: path }];
  return criError("invalid_option", `stateDir: cannot use ${JSON.stringify(path)}: ${why}`, {
    hint,
    problems,
    cause,
  });
}
