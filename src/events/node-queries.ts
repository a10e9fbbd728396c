import { type Container, ContainerState, type PodSandbox } from "../../gen/runtime/v1/api_pb.js";
import type { Lists, RuntimeClient } from "../clients/index.js";
import { isCriError } from "../core/index.js";
import type { NodeLists, NodeState } from "./node-state.js";
import { type ContainerExit, containerExit } from "./objects.js";

/** The timeout of one list: slower responses count as unavailable. */
const timeoutMs = 30_000;
/** The timeout of one ContainerStatus: a single container may hang, and must not delay all others for long. */
const statusTimeoutMs = 5_000;
/** The pause before the status of a container is requested again after a timeout. */
const statusRetryMs = 30_000;
/** The maximum number of ContainerStatus calls in flight. */
const concurrency = 8;

/** The queries by which a tracker reads the state of the node; the responses outrank events. */
export class NodeQueries {
  readonly #runtime: Pick<RuntimeClient, "listPodSandbox" | "listContainers" | "containerStatus">;
  readonly #lists: Pick<Lists, "podSandboxes" | "containers">;
  readonly #signal: AbortSignal;
  /** When to ask again for the status of containers whose last query timed out. */
  readonly #retryAt = new Map<string, number>();

  constructor(
    runtime: Pick<RuntimeClient, "listPodSandbox" | "listContainers" | "containerStatus">,
    lists: Pick<Lists, "podSandboxes" | "containers">,
    signal: AbortSignal,
  ) {
    this.#runtime = runtime;
    this.#lists = lists;
    this.#signal = signal;
  }

  /** Lists all pods and containers, and reads the exits of containers that `known` has no exit for. */
  async listAll(known: NodeState): Promise<NodeLists> {
    const options = { signal: this.#signal, timeoutMs };
    const startedAt = new Date();
    // Pods after containers: the pod of a listed container is then listed, too, unless it was removed in between.
    const containers = await this.#lists.containers({}, options).collect();
    const pods = await this.#lists.podSandboxes({}, options).collect();
    const exits = new Map<string, ContainerExit>();
    const missing = new Set<string>();
    const now = performance.now();
    for (const [id, at] of this.#retryAt) if (at <= now) this.#retryAt.delete(id);
    const queue = containers
      .filter(
        ({ id, state }) =>
          state === ContainerState.CONTAINER_EXITED &&
          !known.containers.get(id)?.exit &&
          !this.#retryAt.has(id),
      )
      .values();
    const work = async () => {
      for (const { id } of queue) {
        const exit = await this.getExit(id);
        // Gives up one worker per timeout, so that the whole list takes little longer than one timeout.
        if (exit === "timeout") return;
        if (exit === "missing") missing.add(id);
        else if (exit) exits.set(id, exit);
      }
    };
    await Promise.all(Array.from({ length: concurrency }, work));
    return { startedAt, pods, containers: containers.filter(({ id }) => !missing.has(id)), exits };
  }

  /** Returns the pod as ListPodSandbox reports it; undefined when it does not exist. */
  async getPod(id: string): Promise<PodSandbox | undefined> {
    const options = { signal: this.#signal, timeoutMs };
    const { items } = await this.#runtime.listPodSandbox({ filter: { id } }, options);
    return items.find((one) => one.id === id);
  }

  /** Returns the container as ListContainers reports it; undefined when it does not exist. */
  async getContainer(id: string): Promise<Container | undefined> {
    const options = { signal: this.#signal, timeoutMs };
    const { containers } = await this.#runtime.listContainers({ filter: { id } }, options);
    return containers.find((one) => one.id === id);
  }

  /** Returns how a container ended; undefined when it has not, or when the runtime cannot report it. */
  async getExit(containerId: string): Promise<ContainerExit | "missing" | "timeout" | undefined> {
    try {
      const options = { signal: this.#signal, timeoutMs: statusTimeoutMs };
      const { status } = await this.#runtime.containerStatus({ containerId }, options);
      return status?.state === ContainerState.CONTAINER_EXITED ? containerExit(status) : undefined;
    } catch (error) {
      if (!isCriError(error)) throw error;
      if (error.reason === "object_missing") return "missing";
      if (["unavailable", "canceled"].includes(error.code)) throw error;
      // A container whose status cannot be read must not hide all others.
      if (error.code !== "deadline_exceeded") return undefined;
      this.#retryAt.set(containerId, performance.now() + statusRetryMs);
      return "timeout";
    }
  }
}
