import { backoff, type CriError, isCriError, sleep } from "../../core/index.js";
import { outcomeUnknown } from "./undo.js";

/** How long reconciling one thing may take where the caller sets no limit: the kubelet's time for a sandbox, and a half. */
export const ensureMs = 360_000;

const tries = 8;

/** Another call is at it, perhaps one whose caller is dead; what it comes to shows a moment later. */
export class StillAtIt extends Error {
  constructor(cause: unknown) {
    super("another call is at it", { cause });
  }
}

/** By the runtime: by a call that may be under way. What was found here to be somebody else's will not go away. */
function isReserved({ reason, method }: CriError): boolean {
  return reason === "name_reserved" && method !== undefined;
}

/**
 * Repeats a step that looks and then does, for as long as an earlier call stands in its way: one whose answer was lost, or one
 * that is still under way in the runtime and holds the name. Eight times at most.
 */
export async function settle<T>(signal: AbortSignal, step: () => Promise<T>): Promise<T> {
  let pause = backoff({ firstMs: 200, maxMs: 5_000, factor: 2 });
  for (let left = tries - 1; ; left--)
    try {
      return await step();
    } catch (error) {
      const passing =
        error instanceof StillAtIt || (isCriError(error) && (isReserved(error) || outcomeUnknown(error)));
      if (signal.aborted || !passing || left === 0) throw error instanceof StillAtIt ? error.cause : error;
      await sleep(pause.delayMs(), signal);
      pause = pause.next();
    }
}
