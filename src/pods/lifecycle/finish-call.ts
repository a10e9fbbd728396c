import { abortError, linkedController, onAbort, raceAbort, sleep } from "../../core/index.js";
import type { PodContext } from "../context.js";

/** How long a call may still take after its caller's signal fired, before it is canceled, too. Most end within a fraction of a second. */
const finishMs = 5_000;

/** A call that outlives its caller. */
export interface FinishingCall<T> {
  /** The response. Rejects as soon as the caller's signal fires. */
  readonly response: Promise<T>;
  /** Resolves when the call has ended, at most five seconds after the caller's signal fired. */
  readonly ended: Promise<void>;
}

/**
 * Makes a call that changes a container, and lets it finish after the caller's signal fired. containerd does not cope with the
 * cancellation: after that of a StartContainer, it refuses for about five seconds to stop and remove the container ("is in starting
 * state"), and one of a CreateContainer may leave a container that 1.6 can never start (its namespaces are those of process 0).
 */
export function finishCall<T>(
  { endpoint, closing }: Pick<PodContext, "endpoint" | "closing">,
  method: "CreateContainer" | "StartContainer",
  caller: AbortSignal,
  call: (signal: AbortSignal) => Promise<T>,
): FinishingCall<T> {
  caller.throwIfAborted();
  const own = linkedController(closing);
  const grace = new AbortController();
  const calling = call(own.signal);
  const removeCallback = onAbort(caller, () => {
    sleep(finishMs, grace.signal).then(
      () => own.abort(abortError(caller)),
      () => undefined,
    );
  });
  const end = () => {
    removeCallback();
    grace.abort();
    own.unlink();
  };
  const response = raceAbort(calling, caller, (reject) =>
    reject(abortError(caller).with({ method, endpoint })),
  );
  return { response, ended: calling.then(end, end) };
}
