import { CriError } from "../../../core/index.js";

/** A program that could not be started, in words that clients know from container runtimes. */
export function notStarted(program: string, why: string, cause?: unknown): CriError {
  return new CriError({
    code: "failed_precondition",
    reason: "exec_not_started",
    text: `failed to start exec ${JSON.stringify(program)}: ${why}`,
    cause,
  });
}

/** Something that cannot be done as things are. */
export function wrongState(text: string, hint?: string): CriError {
  return new CriError({ code: "failed_precondition", reason: "wrong_state", text, hint });
}

/** A field of the container's config that this driver cannot do. */
export function invalidRequest(path: string, value: unknown, message: string): CriError {
  return new CriError({
    code: "invalid_argument",
    reason: "invalid_request",
    text: `${path} ${message}`,
    problems: [{ path, message, value }],
  });
}

/** A state folder that cannot be used as it is. */
export function unusableFolder(path: string, why: string, hint: string, cause?: unknown): CriError {
  return new CriError({
    code: "failed_precondition",
    reason: "invalid_option",
    text: `the state folder ${JSON.stringify(path)} cannot be used: ${why}`,
    hint,
    problems: [{ path: "stateDir", message: why, value: path }],
    cause,
  });
}

/** The system's name for what went wrong, such as `ENOENT`. */
export function systemCode(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}
