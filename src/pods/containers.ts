import { ContainerState, type Container as ListedContainer } from "../../gen/runtime/v1/api_pb.js";
import { type IdOrHandle, idOf, OptionTable, option, withDeadline } from "../core/index.js";
import type { PodContext } from "./context.js";
import { containerFactsOfItem, type PodFacts, podFactsOfItem } from "./facts.js";
import { Container, Pod } from "./handles.js";
import {
  byIdOrPrefix,
  type ContainerListFilter,
  containerFilterTable,
  idFilter,
  listContainers,
  listPods,
} from "./listing.js";
import { type LookUpOptions, lookUpTable } from "./options.js";
import { Sandbox } from "./sandbox.js";

const containerFindTable = new OptionTable<ContainerListFilter & { readonly name: string }>({
  ...containerFilterTable.checks,
  name: option.required(option.string),
});

/** The containers of all pods: `cri.containers`. Those of one pod are `pod.containers()`. */
export class Containers {
  readonly #context: PodContext;

  /** Called by `connect()`. */
  constructor(context: PodContext) {
    this.#context = context;
  }

  /** Returns the container with this id or unique id prefix. Rejects with `object_missing` or `ambiguous_id`. */
  async get(idOrPrefix: IdOrHandle, options: LookUpOptions = {}): Promise<Container> {
    lookUpTable.check("containers.get", options);
    const id = idOf("containers.get", "id", idOrPrefix);
    return this.#lookUp(options, async (call) => {
      const all = await listContainers(this.#context, idFilter(id), call);
      const item = byIdOrPrefix("container", all, id, this.#context.endpoint);
      const [found] = await this.#handlesOf([item], call);
      // Exactly one element in, one out.
      return found as Container;
    });
  }

  /** Lists the containers that match the filter, the newest first. */
  async list(filter: ContainerListFilter = {}, options: LookUpOptions = {}): Promise<Container[]> {
    containerFilterTable.check("containers.list", filter);
    lookUpTable.check("containers.list", options);
    return this.#lookUp(options, async (call) =>
      this.#handlesOf(await listContainers(this.#context, filter, call), call),
    );
  }

  /** Returns the newest running container that matches the filter, otherwise the newest one; undefined if there is none. */
  async find(
    filter: ContainerListFilter & { readonly name: string },
    options: LookUpOptions = {},
  ): Promise<Container | undefined> {
    containerFindTable.check("containers.find", filter);
    lookUpTable.check("containers.find", options);
    return this.#lookUp(options, async (call) => {
      const all = await listContainers(this.#context, filter, call);
      const item = all.find(({ state }) => state === ContainerState.CONTAINER_RUNNING) ?? all[0];
      return item && (await this.#handlesOf([item], call))[0];
    });
  }

  /** Runs several calls under one deadline. */
  #lookUp<T>(options: LookUpOptions, work: (call: LookUpOptions) => Promise<T>): Promise<T> {
    return withDeadline(options, (signal) => work({ signal }), this.#context.closing);
  }

  async #handlesOf(items: readonly ListedContainer[], options: LookUpOptions): Promise<Container[]> {
    const pods = new Map<string, [Pod, Sandbox]>();
    const addPod = (facts: PodFacts): [Pod, Sandbox] => {
      const sandbox = new Sandbox(this.#context, facts);
      const entry: [Pod, Sandbox] = [new Pod(this.#context, sandbox), sandbox];
      pods.set(facts.id, entry);
      return entry;
    };
    for (const item of await listPods(this.#context, {}, options)) addPod(podFactsOfItem(item));
    return items.map((item) => {
      const [pod, sandbox] = pods.get(item.podSandboxId) ?? addPod(removedPod(item.podSandboxId));
      return new Container(this.#context, pod, sandbox, containerFactsOfItem(item));
    });
  }
}

/** Returns the facts of a pod that was removed between the two lists. */
function removedPod(id: string): PodFacts {
  return {
    id,
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
