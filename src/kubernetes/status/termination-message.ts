import { codeOf, messageOf, openRegularFile } from "../../core/index.js";
import { readLogs } from "../../logs/index.js";
import type { ObservedContainer } from "../worker/observed.js";

/** The longest termination message, in bytes. */
const maxMessageBytes = 4096;
/** What is read of the log instead: this many lines at most, and this many bytes. */
const maxLogLines = 80;
const maxLogBytes = 2048;

const policyAnnotation = "io.kubernetes.container.terminationMessagePolicy";

/**
 * Reads what a container wrote to its termination message file, at most the last 4096 bytes. With the policy FallbackToLogsOnError, a
 * container that failed without a message has the last 80 lines of its log, at most 2048 bytes. Returns "" for a container that did not
 * end or left nothing. Does not reject: an error of reading is the message, as in the kubelet.
 */
export async function readTerminationMessage(container: ObservedContainer): Promise<string> {
  if (container.state !== "exited") return "";
  const { terminationMessageHostPath: path, exitCode, annotations } = container;
  if (path !== undefined) {
    try {
      const text = await readEnd(path, maxMessageBytes);
      if (text !== "") return text;
    } catch (error) {
      if (codeOf(error) !== "ENOENT") return `Error on reading termination log ${path}: ${messageOf(error)}`;
    }
  }
  // A container that never started has no log.
  const mayHaveLog = container.logPath !== "" && container.startedAtNanos !== 0n;
  if (exitCode === 0 || annotations[policyAnnotation] !== "FallbackToLogsOnError" || !mayHaveLog) return "";
  return readLogEnd(container.logPath);
}

async function readEnd(path: string, maxBytes: number): Promise<string> {
  const file = await openRegularFile(path);
  try {
    const { size } = await file.stat();
    const buffer = Buffer.alloc(Math.min(size, maxBytes));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, Math.max(size - maxBytes, 0));
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
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
