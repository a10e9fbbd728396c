import type {
  Container,
  ContainerFilter,
  ContainerStats,
  ContainerStatsFilter,
  PodSandbox,
  PodSandboxFilter,
  PodSandboxStats,
  PodSandboxStatsFilter,
} from "../../gen/runtime/v1/api_pb.js";
import { type CallOptions, type CriErrorReason, isCriError } from "../core/index.js";
import type { RuntimeClient } from "./exact-client.js";

/** A filter as callers write it. */
type Filter<M> = Partial<Omit<M, "$typeName" | "$unknown" | "state">> & { readonly state?: object };

/** The number of calls in flight. Each of their responses may have the size limit. */
const maxConcurrency = 8;

/** Reports whether a list failed because it exceeds a message: the client's limit, or the runtime's. */
export function isTooLong(error: unknown): boolean {
  return hasReason(error, "receive_limit", "runtime_limit");
}

/**
 * Reads a list that exceeds a message in pieces that do not: the containers of one pod, or one object. CRI has no pages, and no filter
 * that divides objects of one kind evenly.
 */
export class ListPieces {
  readonly #runtime: RuntimeClient;
  /** The options of the next call, with the remaining time. */
  readonly #call: () => CallOptions;
  #containerIds: Promise<readonly string[]> | undefined;

  constructor(runtime: RuntimeClient, call: () => CallOptions) {
    this.#runtime = runtime;
    this.#call = call;
  }

  async podSandboxes(filter: Filter<PodSandboxFilter>): Promise<PodSandbox[]> {
    const read = async (one: Filter<PodSandboxFilter>) =>
      (await this.#runtime.listPodSandbox({ filter: one }, this.#call())).items;
    return await this.#readOrSplit(filter, read, async () => {
      const ids = await this.#findIds(
        async (id) => (await this.#runtime.podSandboxStatus({ podSandboxId: id }, this.#call())).status?.id,
        (id) => read({ id }),
      );
      return await this.#each(ids, (id) => read({ ...filter, id }));
    });
  }

  async containers(filter: Filter<ContainerFilter>): Promise<Container[]> {
    const read = async (one: Filter<ContainerFilter>) =>
      (await this.#runtime.listContainers({ filter: one }, this.#call())).containers;
    return await this.#readOrSplit(filter, read, async () => {
      if (!filter.podSandboxId)
        return await this.#eachPod((podSandboxId) => this.containers({ ...filter, podSandboxId }));
      this.#containerIds ??= this.#findIds(
        async (id) => (await this.#runtime.containerStatus({ containerId: id }, this.#call())).status?.id,
        (id) => read({ id }),
      );
      return await this.#each(await this.#containerIds, (id) => read({ ...filter, id }));
    });
  }

  async containerStats(filter: Filter<ContainerStatsFilter>): Promise<ContainerStats[]> {
    const read = async (one: Filter<ContainerStatsFilter>) =>
      (await this.#runtime.listContainerStats({ filter: one }, this.#call())).stats;
    return await this.#readOrSplit(filter, read, async () => {
      if (!filter.podSandboxId)
        return await this.#eachPod((podSandboxId) => this.containerStats({ ...filter, podSandboxId }));
      const containers = await this.containers(filter);
      return await this.#each(
        containers.map(({ id }) => id),
        (id) => read({ ...filter, id }),
      );
    });
  }

  async podSandboxStats(filter: Filter<PodSandboxStatsFilter>): Promise<PodSandboxStats[]> {
    const read = async (one: Filter<PodSandboxStatsFilter>) =>
      (await this.#runtime.listPodSandboxStats({ filter: one }, this.#call())).stats;
    return await this.#readOrSplit(filter, read, async () => {
      const pods = await this.podSandboxes(filter);
      return await this.#each(
        pods.map(({ id }) => id),
        (id) => read({ ...filter, id }),
      );
    });
  }

  /** Reads a list, or splits it if it is too long; the list of one object cannot be split. */
  async #readOrSplit<F extends { readonly id?: string }, T>(
    filter: F,
    read: (filter: F) => Promise<T[]>,
    split: () => Promise<T[]>,
  ): Promise<T[]> {
    try {
      return await read(filter);
    } catch (error) {
      if (!isTooLong(error) || filter.id) throw error;
    }
    return await split();
  }

  async #eachPod<T>(read: (podSandboxId: string) => Promise<T[]>): Promise<T[]> {
    const pods = await this.podSandboxes({});
    return await this.#each(
      pods.map(({ id }) => id),
      read,
    );
  }

  /** Reads the piece of each object. An object that was removed meanwhile has none. */
  async #each<T>(ids: readonly string[], read: (id: string) => Promise<T[]>): Promise<T[]> {
    const pieces = await concurrently(ids, async (id) => {
      try {
        return await read(id);
      } catch (error) {
        if (hasReason(error, "object_missing", "wrong_state")) return [];
        throw error;
      }
    });
    return pieces.flat();
  }

  /**
   * Finds the ids of all objects of a kind without a list: runtimes resolve each unique prefix of an id, and report ambiguous ones. It
   * takes about seven small calls per object, and so is the last resort. `list` is for an object whose status exceeds a message: that of
   * a pod has the statuses of its containers.
   */
  async #findIds(
    resolve: (prefix: string) => Promise<string | undefined>,
    list: (prefix: string) => Promise<readonly { readonly id: string }[]>,
  ): Promise<readonly string[]> {
    const ids = new Set<string>();
    let prefixes = longerThan("");
    while (prefixes.length > 0) {
      const longer = await concurrently(prefixes, async (prefix) => {
        try {
          const id = await resolve(prefix);
          if (id) ids.add(id);
          return [];
        } catch (error) {
          if (hasReason(error, "ambiguous_id")) return longerThan(prefix);
          if (hasReason(error, "object_missing")) return [];
          if (!isTooLong(error)) throw error;
          for (const { id } of await list(prefix)) ids.add(id);
          return [];
        }
      });
      prefixes = longer.flat();
    }
    return [...ids];
  }
}

function longerThan(prefix: string): string[] {
  return [..."0123456789abcdef"].map((digit) => prefix + digit);
}

function hasReason(error: unknown, ...reasons: readonly CriErrorReason[]): boolean {
  return isCriError(error) && reasons.includes(error.reason);
}

/** Applies a function to all items, a few at a time, and keeps their order. After a failure it starts no more. */
async function concurrently<T, R>(items: readonly T[], apply: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const rest = items.entries();
  let hasFailed = false;
  const work = async () => {
    for (const [index, item] of rest) {
      if (hasFailed) return;
      try {
        results[index] = await apply(item);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: maxConcurrency }, work));
  return results;
}
