// Helpers that run containers to their exit and survive restarts of the daemon.
import { setTimeout as pause } from "node:timers/promises";
import { type Cri, isCriError } from "../../src/index.js";
import { ContainerState } from "../../src/v1.js";
import { containerConfig, type Pod, type Subject } from "./support.js";

/** Creates a container, starts it and waits for its exit; retries when the daemon dies. Returns the container's id. */
export async function runToExit(subject: Subject, pod: Pod, lane: number, n: number): Promise<string> {
  const { runtime } = subject.cri;
  const command = ["sh", "-c", n % 5 === 0 ? `sleep 0.4; exit ${n % 7}` : `exit ${n % 7}`];
  for (let attempt = 0; attempt < 20; attempt++) {
    try {
      const { podSandboxId, sandboxConfig } = pod;
      const config = containerConfig(subject, `e${lane}-${n}-${attempt}`, command);
      const { containerId } = await runtime.createContainer({ podSandboxId, config, sandboxConfig });
      await runtime.startContainer({ containerId });
      // A container may be stuck in its state after the daemon's death; after 5 s, the next attempt creates another one.
      for (let polls = 0; polls < 100; polls++) {
        const state = await stateOf(subject.cri, containerId);
        if (state === ContainerState.CONTAINER_EXITED) return containerId;
        await pause(50);
      }
    } catch (error) {
      if (!isCriError(error)) throw error;
      await pause(100);
    }
  }
  throw new Error(`container ${n} of lane ${lane}: did not exit in 20 attempts`);
}

export async function stateOf(cri: Cri, containerId: string): Promise<ContainerState | undefined> {
  const response = await cri.runtime.containerStatus({ containerId }).catch((error: unknown) => {
    if (isCriError(error) && error.code === "unavailable") return undefined;
    throw error;
  });
  return response?.status?.state;
}

/** Retries until `work` succeeds, at most 50 times; returns whether it succeeded. */
export async function retryUntilDone(work: () => Promise<unknown>): Promise<boolean> {
  for (let tries = 0; tries < 50; tries++) {
    const done = await work().then(
      () => true,
      () => false,
    );
    if (done) return true;
    await pause(100);
  }
  return false;
}
