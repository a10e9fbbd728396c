import { bounded, type Leftover, sleep } from "../../core/index.js";
import { withLeftovers } from "./undo.js";

/** How long looking and taking back may take in all. */
const lostMs = 30_000;

/**
 * A call is over, and nobody knows whether it made something. Looks for it after each of these pauses, until `takeBack` says that
 * something was there; a runtime that hears of the end cleans up by itself. Gives the cause, with what remains where looking fails.
 */
export async function afterLostAnswer(
  cause: unknown,
  what: Pick<Leftover, "kind" | "name">,
  looksAfterMs: readonly number[],
  takeBack: (signal: AbortSignal) => Promise<boolean>,
): Promise<unknown> {
  try {
    await bounded({ timeoutMs: lostMs }, async (signal) => {
      for (const pauseMs of looksAfterMs) {
        await sleep(pauseMs, signal);
        if (await takeBack(signal)) return;
      }
    });
    return cause;
  } catch (error) {
    return withLeftovers(cause, [{ ...what, id: undefined, error }]);
  }
}
