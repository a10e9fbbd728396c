// Containers that are made and end, however often the daemon dies meanwhile.
import { setTimeout as pause } from "node:timers/promises";
import { type Cri, isCriError } from "../../src/index.js";
import { ContainerState } from "../../src/v1.js";
import { containerConfig, type Pod, type Subject } from "./support.js";

/** Makes a container, starts it and waits for its end, however often the daemon dies meanwhile. */
export async function live(subject: Subject, pod: Pod, lane: number, n: number): Promise<string> {
  const { runtime } = subject.cri;
  const command = ["sh", "-c", n % 5 === 0 ? `sleep 0.4; exit ${n % 7}` : `exit ${n % 7}`];
  for (let attempt = 0; attempt < 20; attempt++) {
    try {
      const { podSandboxId, sandboxConfig } = pod;
      const config = containerConfig(subject, `e${lane}-${n}-${attempt}`, command);
      const { containerId } = await runtime.createContainer({ podSandboxId, config, sandboxConfig });
      await runtime.startContainer({ containerId });
      // A container may survive its daemon in a state that nothing leads out of; then another one is made.
      for (let looks = 0; looks < 100; looks++) {
        const state = await stateOf(subject.cri, containerId);
        if (state === ContainerState.CONTAINER_EXITED) return containerId;
        await pause(50);
      }
    } catch (error) {
      if (!isCriError(error)) throw error;
      await pause(100);
    }
  }
  throw new Error(`container ${n} of lane ${lane} could not be run`);
}

export async function stateOf(cri: Cri, containerId: string): Promise<ContainerState | undefined> {
  const asked = await cri.runtime.containerStatus({ containerId }).catch((error: unknown) => {
    if (isCriError(error) && error.code === "unavailable") return undefined;
    throw error;
  });
  return asked?.status?.state;
}

/** Tries until it is done; says whether it was. */
export async function persists(work: () => Promise<unknown>): Promise<boolean> {
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
