// Calls of a client whose runtime may be killed at any moment. Like a kubelet, it repeats what may be repeated, and looks before it repeats
// anything else.
import { setTimeout as pause } from "node:timers/promises";
import { isCriError } from "../../src/index.js";
import { ContainerState, PodSandboxState } from "../../src/v1.js";
import type { Subject } from "./support.js";

type Runtime = Subject["cri"]["runtime"];
type SandboxConfig = NonNullable<Parameters<Runtime["runPodSandbox"]>[0]["config"]>;
type ContainerRequest = Parameters<Runtime["createContainer"]>[0];

/** Repeats a call while the runtime is down. */
export async function persist<T>(call: () => Promise<T>): Promise<T> {
  const end = performance.now() + 120_000;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!isDown(error) || performance.now() > end) throw error;
    }
    await pause(100);
  }
}

/** Whether a call has failed since the runtime, or the engine behind it, was not there. */
export function isDown(error: unknown): boolean {
  return isCriError(error) && error.code === "unavailable";
}

/** Runs a pod; returns its id, and whether it is one that a call has left behind which has failed. Labels must include the `uid`. */
export async function runSandbox(
  runtime: Runtime,
  config: (attempt: number) => SandboxConfig,
): Promise<{ readonly id: string; readonly attempts: number; readonly wasFound: boolean }> {
  for (let attempts = 1; ; attempts++) {
    const next = config(attempts - 1);
    try {
      const { podSandboxId: id } = await runtime.runPodSandbox({ config: next });
      return { id, attempts, wasFound: false };
    } catch (error) {
      if (!isDown(error)) throw error;
    }
    const id = await findSandbox(runtime, next.metadata?.uid ?? "");
    if (id !== undefined) return { id, attempts, wasFound: true };
  }
}

/** Returns the ready pod with a uid, and removes others, which calls have left half-done. */
async function findSandbox(runtime: Runtime, uid: string): Promise<string | undefined> {
  const { items } = await persist(() => runtime.listPodSandbox({ filter: { labelSelector: { uid } } }));
  const ready = items.filter(({ state }) => state === PodSandboxState.SANDBOX_READY);
  if (ready.length > 1) throw new Error(`several pods are ready: ${ready.map(({ id }) => id)}`);
  for (const { id, state } of items)
    if (state !== PodSandboxState.SANDBOX_READY)
      await persist(() => runtime.removePodSandbox({ podSandboxId: id }));
  return ready[0]?.id;
}

/** Creates a container, again with the next attempt if a call fails: then there may be a container that nothing starts. */
export async function createContainer(
  runtime: Runtime,
  request: (attempt: number) => ContainerRequest,
  firstAttempt: number,
): Promise<{ readonly id: string; readonly attempt: number }> {
  for (let attempt = firstAttempt; ; attempt++) {
    try {
      const { containerId: id } = await runtime.createContainer(request(attempt));
      return { id, attempt };
    } catch (error) {
      if (!isDown(error)) throw error;
    }
    await pause(100);
  }
}

/** Starts a container; returns false if a call that was cut off has made that impossible. */
export async function startContainer(runtime: Runtime, containerId: string): Promise<boolean> {
  for (;;) {
    try {
      await runtime.startContainer({ containerId });
      return true;
    } catch (error) {
      const isRepeated = isCriError(error) && error.reason === "wrong_state";
      if (!isDown(error) && !isRepeated) throw error;
      const { status } = await persist(() => runtime.containerStatus({ containerId }));
      if (status?.state !== ContainerState.CONTAINER_CREATED) return status?.reason !== "StartError";
      if (isRepeated) throw error;
    }
  }
}
