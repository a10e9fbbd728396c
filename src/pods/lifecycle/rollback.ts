import { type CriError, criError, isCriError, type Leftover, sleep, withDeadline } from "../../core/index.js";
import { cleanUpMs } from "../clean-ups.js";
import type { PodContext } from "../context.js";

type UnidentifiedObject = Omit<Leftover, "error">;
type Undo = (signal: AbortSignal) => Promise<void>;

/** Completed steps of an operation with their rollback actions. */
export class Rollback {
  readonly #steps: { readonly object: UnidentifiedObject; readonly undo: Undo }[] = [];

  /** Adds the rollback action of a step that is complete. */
  add(object: UnidentifiedObject, undo: Undo): void {
    this.#steps.push({ object, undo });
  }

  /** Runs the actions, the last one first. Returns the cause, with the objects that could not be removed. */
  async run(context: Pick<PodContext, "cleanUps">, caller: AbortSignal, cause: unknown): Promise<unknown> {
    if (this.#steps.length === 0) return cause;
    const key = this.#steps.map(({ object }) => object.id).join();
    const leftovers: Leftover[] = [];
    const work = async () => {
      for (let step = this.#steps.at(-1); step; step = this.#steps.at(-1)) {
        try {
          await withDeadline({ timeoutMs: cleanUpMs }, step.undo);
        } catch (error) {
          leftovers.push({ ...step.object, error });
        }
        this.#steps.pop();
      }
    };
    if (await context.cleanUps.run(key, caller, work)) return withLeftovers(cause, leftovers);
    const unfinished = this.#steps.map(({ object }) => ({ ...object, error: inBackground() }));
    return withLeftovers(cause, [...leftovers, ...unfinished]);
  }
}

/** A call whose response was lost. */
export interface LostCall {
  /** The key of the object in {@link CleanUps}. */
  readonly key: string;
  readonly object: Pick<Leftover, "kind" | "name">;
  readonly caller: AbortSignal;
  /**
   * The delays before each look, in milliseconds: the call may still be in progress, and a runtime that notices the cancellation
   * cleans up itself.
   */
  readonly delaysMs: readonly number[];
  /** Looks for what the call created, and removes it. Returns whether it was found, which ends the looks. */
  removeFound(signal: AbortSignal): Promise<boolean>;
}

/**
 * Cleans up after a call whose response was lost, and which may have created an object. Returns the cause, with the object as a leftover
 * when the clean-up fails.
 */
export async function cleanUpLostResponse(
  context: Pick<PodContext, "cleanUps">,
  cause: unknown,
  { key, object, caller, delaysMs, removeFound }: LostCall,
): Promise<unknown> {
  let error: unknown;
  const work = async () => {
    try {
      await withDeadline({ timeoutMs: cleanUpMs }, async (signal) => {
        for (const delayMs of delaysMs) {
          await sleep(delayMs, signal);
          if (await removeFound(signal)) return;
        }
      });
    } catch (failure) {
      error = failure;
    }
  };
  const hasEnded = await context.cleanUps.run(key, caller, work);
  if (hasEnded && error === undefined) return cause;
  return withLeftovers(cause, [{ ...object, id: undefined, error: error ?? inBackground() }]);
}

function inBackground(): CriError {
  const text = "the clean-up did not end in time and continues in the background";
  return criError("deadline", `${text}, for at most ${cleanUpMs / 1000} s`);
}

function withLeftovers(cause: unknown, more: readonly Leftover[]): unknown {
  if (more.length === 0) return cause;
  const error = isCriError(cause)
    ? cause
    : criError("runtime_error", String(cause), { code: "unknown", cause });
  const leftovers = [...error.leftovers, ...more];
  const names = leftovers.map(({ kind, name, id }) => `${kind} ${id?.slice(0, 13) ?? name}`);
  return error.with({
    leftovers,
    hint: `Remove what could not be rolled back: ${names.join(", ")}`,
  });
}

/** Returns whether a failed call may have succeeded on the runtime: its response was lost, or its caller canceled it. */
export function isOutcomeUnknown(error: unknown): boolean {
  if (!isCriError(error)) return true;
  const { code, reason } = error;
  if (reason === "socket_missing" || reason === "socket_forbidden" || reason === "connection_refused")
    return false;
  if (reason === "stream_reset" || reason === "malformed_response" || reason === "invalid_response")
    return true;
  return code === "deadline_exceeded" || code === "canceled" || code === "unavailable" || code === "aborted";
}
