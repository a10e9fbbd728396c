import { linkedController, rawMessageOf } from "../../core/index.js";
import type { ApiContext } from "./api-context.js";
import { ApiServerError } from "./api-error.js";

/** Something that was not read yet. */
export interface AwaitedRead {
  /** For messages. */
  readonly what: string;
  readonly reader: {
    /** Why the last attempt failed. */
    readonly failure: unknown;
    /** Calls back once it was read; at once when it was. Returns a function that removes the callback. */
    onceSynced(callback: () => void): () => void;
  };
}

/** How long a Pod waits for its objects, as the kubelet does; a worker then reports what is missing. */
export const readTimeoutMs = 10_000;

/** Waits until all is read. Rejects after 10 s, with the reason that is known, and with the signal's reason when the signal fires. */
export async function allRead(
  { clock }: Pick<ApiContext, "clock">,
  awaited: readonly AwaitedRead[],
  signal: AbortSignal,
): Promise<void> {
  if (awaited.length === 0) return;
  const controller = linkedController(signal);
  const missing = new Set(awaited);
  let removals: (() => void)[] = [];
  try {
    await new Promise<void>((resolve, reject) => {
      removals = awaited.map((one) =>
        one.reader.onceSynced(() => {
          missing.delete(one);
          if (missing.size === 0) resolve();
        }),
      );
      clock.sleep(readTimeoutMs, controller.signal).then(resolve, reject);
    });
  } finally {
    for (const remove of removals) remove();
    controller.unlink();
    controller.abort();
  }
  const [first] = missing;
  if (first === undefined) return;
  const { failure } = first.reader;
  const text = `timed out waiting for ${[...missing].map(({ what }) => what).join(", ")}`;
  throw new ApiServerError(failure === undefined ? text : `${text}: ${rawMessageOf(failure)}`, {
    cause: failure,
  });
}
