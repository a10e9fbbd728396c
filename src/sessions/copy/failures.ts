import { CriError, isCriError } from "../../core/index.js";

/** What arrived is not what was sent. */
export function copyIncomplete(text: string, hint?: string): CriError {
  return new CriError({ code: "data_loss", reason: "copy_incomplete", text, hint });
}

/** A file could not be read or written, here or in the container. */
export function copyFailed(text: string, cause?: unknown, hint?: string): CriError {
  return new CriError({ code: "failed_precondition", reason: "copy_failed", text, cause, hint });
}

/** The same for any error, with its own text: Node's names the file. Errors of ours stay as they are. */
export function asCopyFailure(error: unknown): CriError {
  if (isCriError(error)) return error;
  return copyFailed(error instanceof Error ? error.message : String(error), error);
}

/** A function of the caller's threw. */
export function callbackFailed(name: string, error: unknown): CriError {
  return copyFailed(`${name} threw: ${error instanceof Error ? error.message : String(error)}`, error);
}

/** An entry of an archive that would be written elsewhere than below the destination. */
export function unsafeArchive(name: string, why: string): CriError {
  const text = `the archive has the entry ${JSON.stringify(name)}, ${why}`;
  return new CriError({ code: "permission_denied", reason: "unsafe_archive", text });
}
