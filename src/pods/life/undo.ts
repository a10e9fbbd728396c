import { bounded, CriError, isCriError, type Leftover } from "../../core/index.js";

/** How long taking back one step may take; the caller's own signal may have fired already. */
const undoMs = 30_000;

/** Steps that were done, and how each is taken back when a later one fails. */
export class Undo {
  readonly #steps: { readonly what: Omit<Leftover, "error">; readonly back: Back }[] = [];

  /** A step is done. */
  did(what: Omit<Leftover, "error">, back: Back): void {
    this.#steps.push({ what, back });
  }

  /** Takes the steps back, the last one first, and gives the first cause with what could not be taken back. */
  async because(cause: unknown): Promise<unknown> {
    const leftovers: Leftover[] = [];
    for (let step = this.#steps.pop(); step; step = this.#steps.pop())
      try {
        await bounded({ timeoutMs: undoMs }, step.back);
      } catch (error) {
        leftovers.push({ ...step.what, error });
      }
    return withLeftovers(cause, leftovers);
  }
}

type Back = (signal: AbortSignal) => Promise<void>;

/** The same error, and what remains. */
export function withLeftovers(cause: unknown, more: readonly Leftover[]): unknown {
  if (more.length === 0) return cause;
  const error = isCriError(cause)
    ? cause
    : new CriError({ code: "unknown", reason: "runtime_error", text: String(cause), cause });
  const leftovers = [...error.leftovers, ...more];
  const names = leftovers.map(({ kind, name, id }) => `${kind} ${id?.slice(0, 13) ?? name}`);
  return error.with({
    leftovers,
    hint: `What was done before could not all be undone; left: ${names.join(", ")}`,
  });
}

/** Whether a failed call may have had its effect all the same: its answer was lost, or its caller left. */
export function outcomeUnknown(error: unknown): boolean {
  if (!isCriError(error)) return true;
  const { code, reason } = error;
  if (reason === "socket_missing" || reason === "socket_forbidden" || reason === "connection_refused")
    return false;
  if (reason === "stream_reset" || reason === "malformed_response" || reason === "invalid_response")
    return true;
  return code === "deadline_exceeded" || code === "canceled" || code === "unavailable" || code === "aborted";
}
