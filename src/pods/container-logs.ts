import type { RuntimeClient } from "../clients/index.js";
import { criError, isCriError } from "../core/index.js";
import { type LogReader, type ReadLogsOptions, readLogs } from "../logs/index.js";
import { getContainerSnapshot, getLogPath, undefinedIfMissing } from "./status.js";

/** The id of a container, or a function that finds it when reading begins. */
type ContainerId = string | ((signal: AbortSignal) => Promise<string>);

/** Reads a container's log. Looks up the file in the container's status when reading begins, and with `follow` whether it may grow. */
export function containerLogs(
  runtime: RuntimeClient,
  containerId: ContainerId,
  options: ReadLogsOptions = {},
  logPath?: (signal: AbortSignal) => Promise<string>,
): LogReader {
  const find = (signal: AbortSignal) =>
    typeof containerId === "string" ? Promise.resolve(containerId) : containerId(signal);
  const { follow, wait = follow } = options;
  const running =
    options.running !== undefined
      ? options.running
      : async (signal: AbortSignal) => mayLogMore(runtime, await find(signal), signal);
  const findPath = async (signal: AbortSignal) => {
    const id = await find(signal);
    const path = await (logPath ? logPath(signal) : getLogPath({ runtime }, id, { signal }));
    if (path) return path;
    throw criError(
      "log_missing",
      `container ${id.slice(0, 13)} has no log: it was created without one, or does not exist`,
    );
  };
  return readLogs(findPath, { ...options, wait, running });
}

/**
 * Returns whether the log may grow. True also for a container that was not started yet, and while the runtime is unavailable: containers
 * keep running while it restarts.
 */
async function mayLogMore(
  runtime: RuntimeClient,
  containerId: string,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const found = await undefinedIfMissing(getContainerSnapshot({ runtime }, containerId, { signal }));
    return found?.state === "running" || found?.state === "created";
  } catch (error) {
    const isUnavailable =
      isCriError(error) && (error.code === "unavailable" || error.code === "deadline_exceeded");
    if (signal.aborted || !isUnavailable) throw error;
    return true;
  }
}
