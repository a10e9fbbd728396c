import {
  abortError,
  type CriError,
  isCriError,
  linkedController,
  onAbort,
  raceAbort,
  sleep,
} from "../../core/index.js";
import type { PodContext } from "../context.js";
import type { ContainerFacts } from "../facts.js";
import { getLogPath } from "../status.js";
import type { Rollback } from "./rollback.js";
import { removeContainer } from "./stop-and-remove.js";

/**
 * How long a start may still take after its caller's signal fired, before it is canceled, too. For about five seconds after a cancellation,
 * containerd refuses to remove the container ("is in starting state"); most starts end within a fraction of a second.
 */
const startGraceMs = 5_000;

type StartContext = Pick<PodContext, "runtime" | "endpoint" | "closing">;

interface ContainerStart {
  /** The response. Rejects as soon as the caller's signal fires. */
  readonly response: Promise<void>;
  /** Resolves when the call has ended, at most five seconds after the caller's signal fired. */
  readonly ended: Promise<void>;
}

/** Calls StartContainer, and lets the call end after the caller's signal fired. */
function callStart(
  { runtime, endpoint, closing }: StartContext,
  containerId: string,
  caller: AbortSignal,
): ContainerStart {
  const call = linkedController(closing);
  const grace = new AbortController();
  const started = runtime.startContainer({ containerId }, { signal: call.signal });
  const removeCallback = onAbort(caller, () => {
    sleep(startGraceMs, grace.signal).then(
      () => call.abort(abortError(caller)),
      () => undefined,
    );
  });
  const end = () => {
    removeCallback();
    grace.abort();
    call.unlink();
  };
  const ended = started.then(end, end);
  const response = raceAbort(started, caller, (reject) =>
    reject(abortError(caller).with({ method: "StartContainer", endpoint })),
  );
  return { response: response.then(() => undefined), ended };
}

/**
 * Starts a new container. When that fails, adds its removal to the rollback of the operation, unless `keepAfter` returns true for the
 * error.
 */
export async function startCreated(
  context: PodContext,
  { id, name, logPath }: ContainerFacts,
  signal: AbortSignal,
  rollback: Rollback,
  keepAfter: (error: CriError) => boolean = () => false,
): Promise<void> {
  let start: ContainerStart | undefined;
  try {
    signal.throwIfAborted();
    start = callStart(context, id, signal);
    await start.response;
  } catch (error) {
    if (!isCriError(error) || !keepAfter(error))
      rollback.add({ kind: "container", id, name }, async (stop) => {
        if (start) await raceAbort(start.ended, stop);
        const path = logPath ?? (await getLogPath(context, id, { signal: stop }));
        await removeContainer(context, id, path, { signal: stop });
      });
    throw error;
  }
}
