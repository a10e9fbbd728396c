import { type Container, ContainerState, type PodSandbox } from "../../gen/runtime/v1/api_pb.js";
import type { Lists, RuntimeClient } from "../clients/index.js";
import { isCriError } from "../core/index.js";
import type { NodeLists, NodeState } from "./node-state.js";
import { type ContainerExit, containerExit } from "./objects.js";

/** How long one question may take: who hangs longer is not there. */
const timeoutMs = 30_000;
/** How long the status of one container may take: it may hang alone, and must not keep back all others for long. */
const statusTimeoutMs = 5_000;
/** When such a container is asked for again. */
const silentMs = 30_000;
/** How many ContainerStatus calls are under way at a time. */
const concurrency = 8;

/** What the runtime itself says: the truth, where events are only hints. */
export class NodeReads {
  readonly #runtime: Pick<RuntimeClient, "listPodSandbox" | "listContainers" | "containerStatus">;
  readonly #lists: Pick<Lists, "podSandboxes" | "containers">;
  readonly #signal: AbortSignal;
  /** The containers whose status did not come, and until when they are left alone. */
  readonly #silent = new Map<string, number>();

  constructor(
    runtime: Pick<RuntimeClient, "listPodSandbox" | "listContainers" | "containerStatus">,
    lists: Pick<Lists, "podSandboxes" | "containers">,
    signal: AbortSignal,
  ) {
    this.#runtime = runtime;
    this.#lists = lists;
    this.#signal = signal;
  }

  /** Everything; how a container ended only where `known` does not have it. */
  async everything(known: NodeState): Promise<NodeLists> {
    const options = { signal: this.#signal, timeoutMs };
    const begunAt = new Date();
    // In this order: the pod of a container that is listed is listed, too, unless it went meanwhile.
    const containers = await this.#lists.containers({}, options).collect();
    const pods = await this.#lists.podSandboxes({}, options).collect();
    const exits = new Map<string, ContainerExit>();
    const gone = new Set<string>();
    const now = performance.now();
    for (const [id, until] of this.#silent) if (until <= now) this.#silent.delete(id);
    const asked = containers.filter(
      ({ id, state }) =>
        state === ContainerState.CONTAINER_EXITED && !known.containers.get(id)?.exit && !this.#silent.has(id),
    );
    const queue = asked.values();
    const ask = async () => {
      for (const { id } of queue) {
        const exit = await this.exit(id);
        // So all of them together take no longer than one that hangs, and those that answer.
        if (exit === "silent") return;
        if (exit === "gone") gone.add(id);
        else if (exit) exits.set(id, exit);
      }
    };
    await Promise.all(Array.from({ length: concurrency }, ask));
    return { begunAt, pods, containers: containers.filter(({ id }) => !gone.has(id)), exits };
  }

  async pod(id: string): Promise<PodSandbox | undefined> {
    const options = { signal: this.#signal, timeoutMs };
    const { items } = await this.#runtime.listPodSandbox({ filter: { id } }, options);
    return items.find((one) => one.id === id);
  }

  async container(id: string): Promise<Container | undefined> {
    const options = { signal: this.#signal, timeoutMs };
    const { containers } = await this.#runtime.listContainers({ filter: { id } }, options);
    return containers.find((one) => one.id === id);
  }

  /** How a container ended. Undefined when it did not, or when the runtime cannot say; `silent` when it did not say in time. */
  async exit(containerId: string): Promise<ContainerExit | "gone" | "silent" | undefined> {
    try {
      const options = { signal: this.#signal, timeoutMs: statusTimeoutMs };
      const { status } = await this.#runtime.containerStatus({ containerId }, options);
      return status?.state === ContainerState.CONTAINER_EXITED ? containerExit(status) : undefined;
    } catch (error) {
      if (!isCriError(error)) throw error;
      if (error.reason === "object_missing") return "gone";
      if (["unavailable", "canceled"].includes(error.code)) throw error;
      // One container that cannot be looked at must not hide all others.
      if (error.code !== "deadline_exceeded") return undefined;
      this.#silent.set(containerId, performance.now() + silentMs);
      return "silent";
    }
  }
}
