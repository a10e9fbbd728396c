import { type CriError, criError, isCriError, messageOf } from "../../core/index.js";

/** Creates a `volume_failed` error. `what` names the volume, the field or the path. */
export function volumeError(
  what: string,
  text: string,
  details: { readonly hint?: string | undefined; readonly cause?: unknown } = {},
): CriError {
  return criError("volume_failed", `${what}: ${text}`, details);
}

/** Runs a step; an error of Node becomes a `volume_failed` error that begins with `what`. */
export async function named<T>(what: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (cause) {
    if (isCriError(cause)) throw cause;
    // Paths by descriptors mean nothing to the reader.
    const text = messageOf(cause).replace(/'\/proc\/self\/fd\/\d+/g, "'…");
    throw volumeError(what, text, { cause });
  }
}
