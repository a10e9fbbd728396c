import { type CriError, criError, isCriError, messageOf } from "../../core/index.js";

/** Creates the error for a copy of which less arrived than was sent. */
export function copyIncomplete(text: string): CriError {
  return criError("copy_incomplete", text);
}

/** Creates the error for a file that could not be read or written, on this machine or in the container. */
export function copyFailed(text: string, cause?: unknown, hint?: string): CriError {
  return criError("copy_failed", text, { cause, hint });
}

/** Converts any error to `copy_failed` with its own message; errors of Node name the file. Returns a {@link CriError} unchanged. */
export function toCopyError(error: unknown): CriError {
  if (isCriError(error)) return error;
  return copyFailed(messageOf(error), error);
}

/** Creates the error for a callback of the caller that threw. */
export function callbackFailed(name: string, error: unknown): CriError {
  return copyFailed(`${name} threw: ${messageOf(error)}`, error);
}

/** Creates the error for an archive entry that would be written outside the destination. */
export function unsafeArchive(name: string, problem: string): CriError {
  return criError("unsafe_archive", `archive entry ${JSON.stringify(name)}: ${problem}`);
}
