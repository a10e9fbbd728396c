import type { RuntimeClient } from "../../clients/index.js";
import { CriError, isCriError } from "../../core/index.js";
import { type LogReader, type ReadLogsOptions, readLogs } from "../../logs/index.js";
import { lookAtContainer, unlessGone } from "./look.js";

/** Reads a container's log: finds its file by its status when the reading begins, and knows by it when it has ended. */
export function containerLogs(
  runtime: RuntimeClient,
  containerId: string,
  options: ReadLogsOptions = {},
  logPath = (signal: AbortSignal) => logPathOf(runtime, containerId, signal),
): LogReader {
  const { follow, wait = follow } = options;
  const running = options.running ?? ((signal: AbortSignal) => mayPrint(runtime, containerId, signal));
  const find = async (signal: AbortSignal) => {
    const path = await logPath(signal);
    if (path) return path;
    throw new CriError({
      code: "not_found",
      reason: "log_missing",
      text: `the container ${containerId.slice(0, 13)} has no log: it was made without one, or is gone`,
    });
  };
  return readLogs(find, { ...options, wait, running });
}

/** Where a container's log is; empty for one without a log, or that is gone. */
export async function logPathOf(
  runtime: RuntimeClient,
  containerId: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  const found = await unlessGone(lookAtContainer({ runtime }, containerId, signal));
  return found?.message.logPath ?? "";
}

/**
 * Whether there may be more: also of one that was not started yet, and of one whose runtime is away, since containers run on
 * while it restarts.
 */
async function mayPrint(runtime: RuntimeClient, containerId: string, signal: AbortSignal): Promise<boolean> {
  try {
    const found = await unlessGone(lookAtContainer({ runtime }, containerId, signal));
    return found?.state === "running" || found?.state === "created";
  } catch (error) {
    if (signal.aborted || !isAway(error)) throw error;
    return true;
  }
}

function isAway(error: unknown): boolean {
  return isCriError(error) && (error.code === "unavailable" || error.code === "deadline_exceeded");
}
