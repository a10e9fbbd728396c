import { ContainerState } from "../../../gen/runtime/v1/api_pb.js";
import { invalidOption } from "../../core/index.js";
import type { PodKit } from "../kit.js";

/** How something is stopped. */
export interface StopOptions {
  /** Ends the call: reason `aborted_by_caller`. The runtime may go on stopping. */
  readonly signal?: AbortSignal | undefined;
  /**
   * How long a container may take to end by itself after its stop signal, in milliseconds, rounded up to the whole seconds of
   * CRI; then it is killed. 0 kills at once.
   * @default 30_000, a Pod's `terminationGracePeriodSeconds`
   */
  readonly gracePeriodMs?: number | undefined;
}

/** Stops one container. Succeeds for one that is stopped or gone. */
export async function stopContainer(
  kit: PodKit,
  containerId: string,
  options: StopOptions = {},
): Promise<void> {
  const { signal } = options;
  await kit.runtime.stopContainer({ containerId, timeout: graceSeconds(options) }, { signal });
}

/** Stops all containers of a pod, each with the whole grace period, and then the sandbox. */
export async function stopPod(kit: PodKit, podSandboxId: string, options: StopOptions = {}): Promise<void> {
  const { signal } = options;
  const timeout = graceSeconds(options);
  if (timeout > 0n) {
    const state = { state: ContainerState.CONTAINER_RUNNING };
    const running = await kit.lists.containers({ podSandboxId, state }, { signal }).collect();
    await Promise.all(
      running.map(({ id }) => kit.runtime.stopContainer({ containerId: id, timeout }, { signal })),
    );
  }
  // Stopping a sandbox kills what still runs in it.
  await kit.runtime.stopPodSandbox({ podSandboxId }, { signal });
}

function graceSeconds({ gracePeriodMs = 30_000 }: StopOptions): bigint {
  const seconds = Math.ceil(gracePeriodMs / 1000);
  if (Number.isSafeInteger(seconds) && seconds >= 0) return BigInt(seconds);
  throw invalidOption("gracePeriodMs", gracePeriodMs, "must be 0 or more milliseconds");
}
