import { type CriError, codeOf, criError, FileRefused, messageOf } from "../../core/index.js";

/** Creates the error for a log file that does not exist: reason `log_missing`. */
export function logMissing(path: string, cause?: unknown): CriError {
  return criError("log_missing", `${path}: the log file does not exist`, {
    hint: "Check the container's `log_path`: if it is empty, there is no log. The kubelet deletes the logs of removed containers",
    cause,
  });
}

/** Creates the error for a log file that cannot be read or written: reason `log_failed`. */
export function logFailed(path: string, cause: unknown): CriError {
  const forbidden = isErrno(cause, "EACCES", "EPERM");
  const refused = cause instanceof FileRefused;
  return criError("log_failed", `${path}: ${messageOf(cause)}`, {
    code: forbidden ? "permission_denied" : refused ? "failed_precondition" : "internal",
    hint: forbidden
      ? "Run as root, or as a member of the group that owns the runtime's logs"
      : refused
        ? "Pass the path of a log file, as in the container's `log_path`"
        : undefined,
    cause,
  });
}

/** A compressed file cannot be decompressed further. The message says why. */
export class DamagedFile extends Error {}

/** A file was renamed or deleted after the files of its log were listed. */
export class FileMoved extends Error {
  constructor(path: string) {
    super(`${path}: the file was renamed, deleted or replaced`);
  }
}

/** Returns whether files were renamed or deleted meanwhile, so that the operation must be repeated. */
export function isMoved(error: unknown): boolean {
  return error instanceof FileMoved || isAbsent(error);
}

/** Returns whether an error of Node means that a file does not exist. */
export function isAbsent(error: unknown): boolean {
  return isErrno(error, "ENOENT", "ENOTDIR");
}

/** Returns whether an error of Node has one of these codes. */
export function isErrno(error: unknown, ...codes: readonly string[]): boolean {
  return codes.includes(codeOf(error) ?? "");
}
