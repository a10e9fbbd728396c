import { PodSandboxState } from "../../gen/runtime/v1/api_pb.js";
import type { RuntimeClient } from "../clients/index.js";
import { type CallOptions, type CriError, criError, isCriError } from "../core/index.js";

/** The time that a pod's status may take, in milliseconds. */
const statusTimeoutMs = 3_000;

export type DiagnosisOptions = Pick<CallOptions, "signal">;

/**
 * Finds out whether a forwarded connection ended because its pod does not exist or does not run. CRI-O checks neither before it
 * accepts a connection, and does not report it. Returns undefined for any other reason, and when the runtime does not respond.
 */
export async function diagnosePod(
  runtime: RuntimeClient,
  podSandboxId: string,
  { signal }: DiagnosisOptions,
): Promise<CriError | undefined> {
  const operation = `port-forward: the connection ended: pod sandbox ${podSandboxId}`;
  try {
    const { status } = await runtime.podSandboxStatus(
      { podSandboxId },
      { signal, timeoutMs: statusTimeoutMs },
    );
    if (!status || status.state === PodSandboxState.SANDBOX_READY) return undefined;
    return criError("wrong_state", `${operation} is not running`);
  } catch (cause) {
    if (isCriError(cause) && cause.reason === "object_missing")
      return criError("object_missing", `${operation} does not exist`, { cause });
    return undefined;
  }
}
