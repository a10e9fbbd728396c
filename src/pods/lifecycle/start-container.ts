import { type CriError, isCriError, raceAbort } from "../../core/index.js";
import type { PodContext } from "../context.js";
import type { ContainerFacts } from "../facts.js";
import { getLogPath } from "../status.js";
import { type FinishingCall, finishCall } from "./finish-call.js";
import type { Rollback } from "./rollback.js";
import { removeContainer } from "./stop-and-remove.js";

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
  let start: FinishingCall<unknown> | undefined;
  try {
    start = finishCall(context, "StartContainer", signal, (call) =>
      context.runtime.startContainer({ containerId: id }, { signal: call }),
    );
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
