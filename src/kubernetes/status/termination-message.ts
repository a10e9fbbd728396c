import { messageOf } from "../../core/index.js";
import { readLogs } from "../../logs/index.js";
import { containerAnnotationKeys } from "../config/container-annotations.js";
import type { ObservedContainer } from "../worker/observed.js";

/** What is read of the log when there is no message: this many lines at most, and this many bytes. */
const maxLogLines = 80;
const maxLogBytes = 2048;

/**
 * Reads what a container left about its end: the message in its termination message file. With the policy FallbackToLogsOnError, a container
 * that failed without a message has the last 80 lines of its log, at most 2048 bytes. Returns "" for a container that did not end or
 * left nothing. Does not reject: an error of reading is the message, as in the kubelet.
 *
 * @param readFile returns the end of a termination message file, "" where there is none: `NodeFiles.readTerminationMessage`
 */
export async function readTerminationMessage(
  container: ObservedContainer,
  readFile: (hostPath: string) => Promise<string>,
): Promise<string> {
  if (container.state !== "exited") return "";
  const { terminationMessageHostPath: path, exitCode, annotations } = container;
  if (path !== undefined) {
    try {
      const text = await readFile(path);
      if (text !== "") return text;
    } catch (error) {
      return `Error on reading termination log ${path}: ${messageOf(error)}`;
    }
  }
  const policy = annotations[containerAnnotationKeys.terminationMessagePolicy];
  // A container that never started has no log.
  const mayHaveLog = container.logPath !== "" && container.startedAtNanos !== 0n;
  if (exitCode === 0 || policy !== "FallbackToLogsOnError" || !mayHaveLog) return "";
  return readLogEnd(container.logPath);
}

async function readLogEnd(path: string): Promise<string> {
  try {
    let end: Buffer = Buffer.alloc(0);
    for await (const chunk of readLogs(path, { tail: maxLogLines }).bytes())
      end = Buffer.concat([end, chunk]).subarray(-maxLogBytes);
    return end.toString("utf8");
  } catch (error) {
    return `Error on reading termination message from logs: ${messageOf(error)}`;
  }
}
