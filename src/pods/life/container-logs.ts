import type { RuntimeClient } from "../../clients/index.js";
import { CriError, isCriError } from "../../core/index.js";
import { type LogReader, type ReadLogsOptions, readLogs } from "../../logs/index.js";
import { lookAtContainer } from "./wait-for-container.js";

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
  try {
    return (await lookAtContainer({ runtime }, containerId, signal)).message.logPath;
  } catch (error) {
    if (isCriError(error) && error.reason === "object_missing") return "";
    throw error;
  }
}

/** Whether there may be more: also of one that was not started yet. */
async function mayPrint(runtime: RuntimeClient, containerId: string, signal: AbortSignal): Promise<boolean> {
  try {
    const { state } = await lookAtContainer({ runtime }, containerId, signal);
    return state === "running" || state === "created";
  } catch (error) {
    if (isCriError(error) && error.reason === "object_missing") return false;
    throw error;
  }
}
