import type { PodSandboxStatus, PodSandboxStatusResponse } from "../../../gen/runtime/v1/api_pb.js";
import { type CallOptions, CriError, isCriError } from "../../core/index.js";
import type { PodKit } from "../kit.js";
import { type ContainerSnapshot, containerSnapshot } from "../snapshots.js";

type WithRuntime = Pick<PodKit, "runtime">;

/** A sandbox's status. Rejects with `object_missing` when it is gone. */
export async function lookAtSandbox(
  kit: WithRuntime,
  podSandboxId: string,
  options?: CallOptions,
): Promise<PodSandboxStatus> {
  return statusOf(await kit.runtime.podSandboxStatus({ podSandboxId }, options));
}

/** A sandbox's status with the runtime's own details. Rejects with `object_missing` when it is gone. */
export async function lookAtDetails(
  kit: WithRuntime,
  podSandboxId: string,
  options?: CallOptions,
): Promise<{ readonly status: PodSandboxStatus; readonly info: PodSandboxStatusResponse["info"] }> {
  const response = await kit.runtime.podSandboxStatus({ podSandboxId, verbose: true }, options);
  return { status: statusOf(response), info: response.info };
}

/** A container as it is. Rejects with `object_missing` when it is gone. */
export async function lookAtContainer(
  kit: WithRuntime,
  containerId: string,
  signal?: AbortSignal,
): Promise<ContainerSnapshot> {
  return containerSnapshot(statusOf(await kit.runtime.containerStatus({ containerId }, { signal })));
}

/** What a look finds; undefined when what is looked at is gone. */
export async function unlessGone<T>(look: Promise<T>): Promise<T | undefined> {
  try {
    return await look;
  } catch (error) {
    if (isCriError(error) && error.reason === "object_missing") return undefined;
    throw error;
  }
}

function statusOf<T>({ status }: { readonly status?: T | undefined }): T {
  if (status !== undefined) return status;
  throw new CriError({ code: "internal", reason: "invalid_response", text: "a status without one" });
}
