import type { Container as ListedContainer } from "../../gen/runtime/v1/api_pb.js";
import type { Container } from "./container.js";
import { type ContainerFilter, foundContainer, listContainers } from "./find-containers.js";
import { byPrefix, idFilter, listPods } from "./find-pods.js";
import type { PodKit } from "./kit.js";
import type { StepsOptions } from "./life/run-pod.js";
import { Pod } from "./pod.js";
import { factsOfSandbox, type PodFacts } from "./pod-facts.js";

/** Containers of all pods. Those of one pod are at `pod.containers()`. */
export class Containers {
  readonly #kit: PodKit;

  /** @internal */
  constructor(kit: PodKit) {
    this.#kit = kit;
  }

  /** The container with this id, or with the only id that begins so. Rejects with `object_missing` or `ambiguous_id`. */
  async get(idOrPrefix: string, options?: Pick<StepsOptions, "signal">): Promise<Container> {
    const all = await listContainers(this.#kit, {}, "", options?.signal, idFilter(idOrPrefix));
    const [found] = await this.#withPods(
      [byPrefix("container", all, idOrPrefix, this.#kit.endpoint)],
      options,
    );
    // One went in, so one comes out.
    return found as Container;
  }

  /** The containers that fit, the newest first. */
  async list(filter: ContainerFilter = {}, options?: Pick<StepsOptions, "signal">): Promise<Container[]> {
    return this.#withPods(await listContainers(this.#kit, filter, "", options?.signal), options);
  }

  async #withPods(
    found: readonly ListedContainer[],
    options?: Pick<StepsOptions, "signal">,
  ): Promise<Container[]> {
    const sandboxes = await listPods(this.#kit, {}, options?.signal);
    const pods = new Map(sandboxes.map((one) => [one.id, new Pod(this.#kit, factsOfSandbox(one))]));
    return found.map((container) => {
      const pod = pods.get(container.podSandboxId) ?? new Pod(this.#kit, goneSince(container));
      return foundContainer(this.#kit, pod, container);
    });
  }
}

/** A pod that went between the two lists. */
function goneSince({ podSandboxId }: ListedContainer): PodFacts {
  return {
    id: podSandboxId,
    name: "",
    namespace: "",
    uid: "",
    attempt: 0,
    labels: {},
    annotations: {},
    createdAt: undefined,
    runtimeHandler: "",
    ip: undefined,
  };
}
