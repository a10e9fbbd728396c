// Whether a runtime reports what is: its lists and statuses beside the record of a load, and beside the processes of the machine.
import { ContainerState, PodSandboxState } from "../../src/v1.js";
import { type Load, type LoadedContainer, type LoadedPod, loadName } from "./dockershim.load.js";
import { processesOf } from "./dockershim.traces.js";
import type { Subject } from "./support.js";

const { CONTAINER_CREATED, CONTAINER_EXITED, CONTAINER_RUNNING } = ContainerState;
const { SANDBOX_NOTREADY, SANDBOX_READY } = PodSandboxState;

/**
 * Returns a line for everything that a runtime reports wrongly, when a load has stopped. Removes pods that calls have left half-done: they
 * must not be ready. If the engine ends as well, it may have ended pods, and a state is right if it is that of the processes.
 */
export async function untruths({ cri }: Subject, load: Load): Promise<string[]> {
  const { engineEnds } = load;
  const problems: string[] = [];
  const { items } = await cri.runtime.listPodSandbox({ filter: { labelSelector: { test: loadName } } });
  const listed = new Map(items.map((item) => [item.id, item]));
  const names = items.map(({ metadata }) => `${metadata?.uid} ${metadata?.attempt}`);
  if (new Set(names).size !== names.length) problems.push(`pods with the same metadata: ${names}`);
  for (const { id, state } of items) {
    if (load.removed.has(id)) problems.push(`the removed pod ${id} is listed`);
    if (load.pods.has(id)) continue;
    if (state === SANDBOX_READY)
      problems.push(`pod ${id} is ready although RunPodSandbox has not returned it`);
    await cri.runtime.removePodSandbox({ podSandboxId: id });
  }
  const addresses: string[] = [];
  for (const pod of load.pods.values()) {
    const entry = listed.get(pod.id);
    if (!entry) problems.push(`pod ${pod.id} is lost`);
    else problems.push(...(await podUntruths(cri, pod, entry.state, addresses, engineEnds)));
  }
  if (new Set(addresses).size !== addresses.length) problems.push(`pods with the same address: ${addresses}`);
  return problems;
}

async function podUntruths(
  cri: Subject["cri"],
  pod: LoadedPod,
  listedState: PodSandboxState,
  addresses: string[],
  engineEnds: boolean,
): Promise<string[]> {
  const problems: string[] = [];
  const parent = pod.config.linux.cgroupParent;
  const { status } = await cri.runtime.podSandboxStatus({ podSandboxId: pod.id });
  const isAlive = processesOf(parent, pod.id).length > 0;
  const right = (engineEnds ? isAlive : !pod.stopped) ? SANDBOX_READY : SANDBOX_NOTREADY;
  if (status?.state !== right || listedState !== right || isAlive !== (right === SANDBOX_READY))
    problems.push(`pod ${pod.id} is ${status?.state}, listed as ${listedState}, and alive: ${isAlive}`);
  const ip = status?.network?.ip ?? "";
  if (isAlive && !pod.hostNetwork && ip === "") problems.push(`pod ${pod.id} has no address`);
  if (ip) addresses.push(ip);

  const { containers } = await cri.runtime.listContainers({ filter: { podSandboxId: pod.id } });
  const states = new Map(containers.map(({ id, state }) => [id, state]));
  const names = containers.map(({ metadata }) => `${metadata?.name} ${metadata?.attempt}`);
  if (new Set(names).size !== names.length) problems.push(`containers with the same metadata: ${names}`);
  for (const container of pod.containers) {
    const { status } = await cri.runtime.containerStatus({ containerId: container.id });
    const isAlive = processesOf(parent, container.id).length > 0;
    const state = status?.state;
    const right = rightStates(
      container,
      engineEnds ? isAlive : container.hasStarted && container.endless && !pod.stopped,
    );
    const isRight = state !== undefined && right.includes(state) && states.get(container.id) === state;
    if (!isRight || isAlive !== (state === CONTAINER_RUNNING))
      problems.push(
        `container ${container.id} is ${state}, listed as ${states.get(container.id)}, and alive: ${isAlive}`,
      );
  }
  // A call that was cut off may have created a container, which nothing has started.
  const known = new Set(pod.containers.map(({ id }) => id));
  for (const { id, state } of containers)
    if (!known.has(id) && state !== CONTAINER_CREATED)
      problems.push(`container ${id} is ${state} although CreateContainer has not returned it`);
  return problems;
}

function rightStates({ hasStarted }: LoadedContainer, shouldRun: boolean): ContainerState[] {
  if (shouldRun) return [CONTAINER_RUNNING];
  return hasStarted ? [CONTAINER_EXITED] : [CONTAINER_CREATED, CONTAINER_EXITED];
}
