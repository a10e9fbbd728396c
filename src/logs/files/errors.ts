import { CriError } from "../../core/index.js";

/** There is no log file: reason `log_missing`. */
export function logMissing(path: string, cause?: unknown): CriError {
  return new CriError({
    code: "not_found",
    reason: "log_missing",
    text: `there is no log file at ${path}`,
    hint: "A container without a log_path has no log, and the kubelet removes the logs of containers that are gone",
    cause,
  });
}

/** A log file cannot be read or written: reason `log_failed`. */
export function logFailed(path: string, cause: unknown): CriError {
  const forbidden = isErrno(cause, "EACCES") || isErrno(cause, "EPERM");
  return new CriError({
    code: forbidden ? "permission_denied" : "internal",
    reason: "log_failed",
    text: `${path}: ${cause instanceof Error ? cause.message : String(cause)}`,
    hint: forbidden ? "Runtimes let only root, and perhaps its group, read logs" : undefined,
    cause,
  });
}

/** A file was renamed or deleted since the files of its log were listed. */
export class FileMoved extends Error {
  constructor(path: string) {
    super(`${path} is not the file any more that it was`);
  }
}

/** Whether files were renamed or deleted while they were looked at, so that one has to look again. */
export function isMoved(error: unknown): boolean {
  return error instanceof FileMoved || isAbsent(error);
}

/** Whether Node says that nothing is there. */
export function isAbsent(error: unknown): boolean {
  return isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR");
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
