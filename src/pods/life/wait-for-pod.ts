import { ContainerState, NamespaceMode } from "../../../gen/runtime/v1/api_pb.js";
import { CriError } from "../../core/index.js";
import type { PodKit } from "../kit.js";
import { type PodSnapshot, podSnapshot } from "../snapshots.js";
import { lookAtSandbox, unlessGone } from "./look.js";
import { type WaitOptions, waitUntil } from "./wait.js";

/**
 * What to wait for in a pod. `ready`: its sandbox is ready and has its address, and all its containers run. `exited`: it has
 * containers, and all of them have ended. `stopped`: its sandbox is not ready any more, or gone.
 */
export type PodCondition = "ready" | "exited" | "stopped";

/** Waits for a pod. Resolves with how it was then; for a sandbox that is gone, how it was seen last, if ever. */
export function waitForPod(
  kit: PodKit,
  podSandboxId: string,
  condition: PodCondition,
  options: WaitOptions,
): Promise<PodSnapshot | undefined> {
  let last: PodSnapshot | undefined;
  const look = async (
    signal: AbortSignal,
  ): Promise<{ readonly snapshot: PodSnapshot | undefined } | undefined> => {
    const snapshot = await lookAt(kit, podSandboxId, condition, signal);
    last = snapshot ?? last;
    if (condition === "stopped") return snapshot?.state === "ready" ? undefined : { snapshot: last };
    if (snapshot?.state !== "ready" && condition === "ready") throw neverReady(podSandboxId);
    const states = await containerStates(kit, podSandboxId, signal);
    const { CONTAINER_EXITED: exited, CONTAINER_RUNNING: running } = ContainerState;
    const holds =
      condition === "exited"
        ? states.length > 0 && states.every((state) => state === exited)
        : states.every((state) => state === running) && hasAddress(snapshot);
    return holds ? { snapshot } : undefined;
  };
  return waitUntil(kit.hints, [podSandboxId], look, options).then(({ snapshot }) => snapshot);
}

async function lookAt(
  kit: PodKit,
  podSandboxId: string,
  condition: PodCondition,
  signal: AbortSignal,
): Promise<PodSnapshot | undefined> {
  const look = lookAtSandbox(kit, podSandboxId, { signal }).then(podSnapshot);
  return condition === "stopped" ? unlessGone(look) : look;
}

async function containerStates(
  kit: PodKit,
  podSandboxId: string,
  signal: AbortSignal,
): Promise<ContainerState[]> {
  const containers = await kit.lists.containers({ podSandboxId }, { signal }).collect();
  return containers.map(({ state }) => state);
}

function hasAddress(snapshot: PodSnapshot | undefined): boolean {
  const network = snapshot?.message.linux?.namespaces?.options?.network;
  return network === NamespaceMode.NODE || snapshot?.ip !== undefined;
}

/** A sandbox that was stopped is never started again. */
function neverReady(podSandboxId: string): CriError {
  return new CriError({
    code: "failed_precondition",
    reason: "wrong_state",
    text: `the sandbox ${podSandboxId.slice(0, 13)} is not ready and will not be again`,
  });
}
