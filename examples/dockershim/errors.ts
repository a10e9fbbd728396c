import { type CriError, isCriError } from "cri-sdk";
import { criError } from "cri-sdk/server";
import { EngineError } from "./engine/client.js";

/** Returns the error of CRI for an error of the engine; others are returned as they are. */
export function toCriError(error: unknown): unknown {
  if (isCriError(error) || !(error instanceof EngineError)) return error;
  const { status, message: text } = error;
  const details = { cause: error };
  const reserved = reservedName(text);
  if (reserved) return reserved;
  if (status === 0) return criError("connection_refused", text, details);
  if (status === 404)
    return criError(/image/i.test(text) ? "image_missing" : "object_missing", text, details);
  if (status === 409) return criError("wrong_state", text, details);
  if (status === 400) return criError("runtime_error", text, { ...details, code: "invalid_argument" });
  return criError("runtime_error", text, { ...details, code: status === 501 ? "unimplemented" : "unknown" });
}

/** Returns the error of a request for something that the engine does not have. */
export function unsupported(text: string): CriError {
  return criError("runtime_error", text, { code: "unimplemented" });
}

/** Returns the text of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Returns the error for a name that the engine refuses because another container has it, in the words that clients of CRI look for. */
function reservedName(text: string): CriError | undefined {
  const [, name, id] =
    /container name "\/?([^"]+)" is already in use by container "?([0-9a-f]{64})/.exec(text) ?? [];
  if (name === undefined || id === undefined) return undefined;
  return criError("name_reserved", `name "${name}" is reserved for "${id}"`, { existingId: id });
}

/** Whether the engine does not have the object. */
export function isMissing(error: unknown): boolean {
  return error instanceof EngineError && error.status === 404;
}

/** Whether the engine does not answer. */
export function isUnreachable(error: unknown): boolean {
  return error instanceof EngineError && error.status === 0;
}

/** For `catch`: an object that is gone needs no removal. */
export function ignoreMissing(error: unknown): void {
  if (!isMissing(error)) throw error;
}

/** For `catch`: like {@link ignoreMissing}, and ignores another status, too. */
export const ignoreMissingOr = (status: number) => (error: unknown) => {
  if (!(error instanceof EngineError && error.status === status)) ignoreMissing(error);
};

/** Returns the result of a lookup; undefined for an object that does not exist. */
export async function missingIsUndefined<T>(lookup: Promise<T>): Promise<T | undefined> {
  try {
    return await lookup;
  } catch (error) {
    if (isCriError(error) && error.reason === "object_missing") return undefined;
    throw error;
  }
}
