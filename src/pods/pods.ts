import { type PodSandbox, PodSandboxState } from "../../gen/runtime/v1/api_pb.js";
import { bounded } from "../core/index.js";
import type { ContainerSpec, PodSpec } from "./config/index.js";
import type { Container } from "./container.js";
import { byPrefix, idFilter, listPods, type PodFilter } from "./find-pods.js";
import type { PodKit } from "./kit.js";
import type { CreateContainerOptions } from "./life/create-container.js";
import { type EnsuredPod, ensurePod } from "./life/ensure-pod.js";
import { runPod, type StepsOptions } from "./life/run-pod.js";
import { Undo } from "./life/undo.js";
import { Pod } from "./pod.js";
import { factsOfSandbox } from "./pod-facts.js";

/** Pods in the user's words. */
export class Pods {
  readonly #kit: PodKit;

  /** @internal */
  constructor(kit: PodKit) {
    this.#kit = kit;
  }

  /**
   * Runs a pod that belongs to this process: what a dead process of the same owner left under its namespace and name is
   * removed first. When a step fails, what was done is undone.
   *
   * Rejects with {@link CriError}: `invalid_spec` before anything is sent; `name_reserved` for a pod of the same identity;
   * `unknown_runtime_handler`; and what RunPodSandbox fails with. `leftovers` tells what could not be undone, if anything.
   */
  run(spec: PodSpec, options?: StepsOptions): Promise<Pod> {
    return runPod(this.#kit, spec, options);
  }

  /**
   * A container with a pod of its own, in one step: sandbox, image, create, start. The pod is `container.pod`; removing that
   * removes both. When a step fails, what was done is undone.
   *
   * Rejects as {@link Pods.run} and {@link Pod.runContainer}.
   */
  async runContainer(
    pod: PodSpec,
    container: ContainerSpec,
    options: CreateContainerOptions = {},
  ): Promise<Container> {
    return bounded(options, async (signal) => {
      const undo = new Undo();
      const made = await runPod(this.#kit, pod, { signal });
      undo.did({ kind: "pod", id: made.id, name: `${made.namespace}/${made.name}` }, (inTime) =>
        made.remove({ signal: inTime }),
      );
      try {
        return await made.runContainer(container, { ...options, signal, timeoutMs: undefined });
      } catch (error) {
        throw await undo.because(error);
      }
    });
  }

  /**
   * Sees to it that one pod of this spec is ready, whatever earlier calls left: safe to repeat after a crash, a deadline or a
   * lost answer. A ready one that was made from the same spec is adopted; one that differs is replaced by the next attempt,
   * with its containers. Its uid follows from namespace and name, unless the spec has one. It is bound to no process.
   *
   * Rejects with {@link CriError} as {@link Pods.run} does. Calls for one pod take turns within a connection.
   */
  ensure(spec: PodSpec, options?: StepsOptions): Promise<EnsuredPod> {
    return ensurePod(this.#kit, spec, options);
  }

  /** The pod with this id, or with the only id that begins so. Rejects with `object_missing` or `ambiguous_id`. */
  async get(idOrPrefix: string, options?: Pick<StepsOptions, "signal">): Promise<Pod> {
    const all = await listPods(this.#kit, {}, options?.signal, idFilter(idOrPrefix));
    return this.#found(byPrefix("pod", all, idOrPrefix, this.#kit.endpoint));
  }

  /** The pods that fit, the newest first. */
  async list(filter: PodFilter = {}, options?: Pick<StepsOptions, "signal">): Promise<Pod[]> {
    const found = await listPods(this.#kit, filter, options?.signal);
    return found.map((sandbox) => this.#found(sandbox));
  }

  /** The newest pod of this name, a ready one first; undefined when there is none. */
  async find(
    filter: PodFilter & { readonly name: string },
    options?: Pick<StepsOptions, "signal">,
  ): Promise<Pod | undefined> {
    const found = await listPods(this.#kit, { namespace: "default", ...filter }, options?.signal);
    const sandbox = found.find(({ state }) => state === PodSandboxState.SANDBOX_READY) ?? found[0];
    return sandbox && this.#found(sandbox);
  }

  /** A pod that somebody else made, with its config as far as anybody tells it: `get()`, and {@link Pod.adopt}. */
  async adopt(idOrPrefix: string, options?: Pick<StepsOptions, "signal">): Promise<Pod> {
    const pod = await this.get(idOrPrefix, options);
    await pod.adopt(options);
    return pod;
  }

  #found(sandbox: PodSandbox): Pod {
    return new Pod(this.#kit, factsOfSandbox(sandbox));
  }
}
