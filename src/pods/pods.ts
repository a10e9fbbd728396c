import { PodSandboxState } from "../../gen/runtime/v1/api_pb.js";
import { type IdOrHandle, idOf, OptionTable, option, withDeadline } from "../core/index.js";
import { podKey } from "./clean-ups.js";
import { type ContainerSpec, containerConfig, type PodSpec, sandboxConfig } from "./config/index.js";
import type { PodContext } from "./context.js";
import { podFactsOfItem } from "./facts.js";
import { Container, Pod } from "./handles.js";
import {
  type CreateContainerOptions,
  createAndStart,
  createContainerTable,
} from "./lifecycle/create-container.js";
import { ensurePod, type PodOutcome } from "./lifecycle/ensure-pod.js";
import { withRollback } from "./lifecycle/rollback.js";
import { runPod } from "./lifecycle/run-pod.js";
import { byIdOrPrefix, idFilter, listPods, type PodListFilter, podFilterTable } from "./listing.js";
import { type LookUpOptions, lookUpTable, type OperationOptions, operationTable } from "./options.js";
import { Sandbox } from "./sandbox.js";

/** The result of {@link Pods.ensure}. */
export interface EnsuredPod {
  /** The handle of the pod. */
  readonly pod: Pod;
  /**
   * `adopted`: a ready pod of the same spec existed. `created`: no pod existed. `recreated`: a pod existed that differed or was not
   * ready; it was removed with its containers, and the new one has the next attempt.
   */
  readonly outcome: PodOutcome;
}

const podFindTable = new OptionTable<PodListFilter & { readonly name: string }>({
  ...podFilterTable.checks,
  name: option.required(option.string),
});

/** The pods of a runtime: `cri.pods`. */
export class Pods {
  readonly #context: PodContext;

  /** Called by `connect()`. */
  constructor(context: PodContext) {
    this.#context = context;
  }

  /**
   * Runs a pod that is owned by this process. First removes the pods of the same owner, namespace and name whose process has died. Rolls
   * back when a step fails; `leftovers` of the error lists what could not be removed.
   *
   * Rejects with {@link CriError}: `invalid_spec` before anything is sent; `name_reserved` when a pod of the same identity
   * exists; `unknown_runtime_handler`; and other errors of RunPodSandbox.
   */
  async run(spec: PodSpec, options?: OperationOptions): Promise<Pod> {
    operationTable.check("pods.run", options);
    return new Pod(this.#context, await runPod(this.#context, spec, options));
  }

  /**
   * Runs a pod and one container in it. Returns the container; its pod is `container.pod`, and removing the pod removes both. Rolls back
   * when a step fails.
   *
   * Rejects as {@link Pods.run} and {@link Pod.runContainer} do.
   */
  async runContainer(
    podSpec: PodSpec,
    containerSpec: ContainerSpec,
    options: CreateContainerOptions = {},
  ): Promise<Container> {
    createContainerTable.check("pods.runContainer", options);
    return withDeadline(
      options,
      async (signal) => {
        // Rejects an invalid spec before the pod is run.
        containerConfig(containerSpec, { pod: sandboxConfig(podSpec, { logRoot: this.#context.logRoot }) });
        const sandbox = await runPod(this.#context, podSpec, { signal });
        const pod = new Pod(this.#context, sandbox);
        return withRollback(this.#context, podKey(pod.uid), signal, async (rollback) => {
          rollback.add({ kind: "pod", id: pod.id, name: `${pod.namespace}/${pod.name}` }, (stop) =>
            pod.remove({ signal: stop }),
          );
          const bounds = { ...options, signal };
          const facts = await createAndStart(this.#context, sandbox, containerSpec, bounds, rollback);
          return new Container(this.#context, pod, sandbox, facts);
        });
      },
      this.#context.closing,
    );
  }

  /**
   * Ensures that one pod with this spec is ready. Idempotent: safe to repeat after a crash, a deadline or a lost response. Adopts a
   * ready pod of the same spec; replaces one that differs by the next attempt, and removes its containers. The pod belongs to no
   * process. Its uid is derived from namespace and name, unless the spec has one. Calls for one pod run one after the other.
   *
   * Rejects as {@link Pods.run} does, with `name_reserved` when the pod belongs to another owner. The default of `timeoutMs` is six
   * minutes.
   */
  async ensure(spec: PodSpec, options?: OperationOptions): Promise<EnsuredPod> {
    operationTable.check("pods.ensure", options);
    const { sandbox, outcome } = await ensurePod(this.#context, spec, options);
    return { pod: new Pod(this.#context, sandbox), outcome };
  }

  /** Returns the pod with this id or unique id prefix. Rejects with `object_missing` or `ambiguous_id`. */
  async get(idOrPrefix: IdOrHandle, options?: LookUpOptions): Promise<Pod> {
    lookUpTable.check("pods.get", options);
    const id = idOf("pods.get", "id", idOrPrefix);
    const all = await listPods(this.#context, idFilter(id), options);
    const found = byIdOrPrefix("pod", all, id, this.#context.endpoint);
    return new Pod(this.#context, new Sandbox(this.#context, podFactsOfItem(found)));
  }

  /** Lists the pods that match the filter, the newest first. */
  async list(filter: PodListFilter = {}, options?: LookUpOptions): Promise<Pod[]> {
    podFilterTable.check("pods.list", filter);
    lookUpTable.check("pods.list", options);
    const found = await listPods(this.#context, filter, options);
    return found.map((item) => new Pod(this.#context, new Sandbox(this.#context, podFactsOfItem(item))));
  }

  /**
   * Returns the newest ready pod of this name, otherwise the newest one; undefined if there is none. The default namespace is
   * `default`.
   */
  async find(
    filter: PodListFilter & { readonly name: string },
    options?: LookUpOptions,
  ): Promise<Pod | undefined> {
    podFindTable.check("pods.find", filter);
    lookUpTable.check("pods.find", options);
    const found = await listPods(this.#context, { namespace: "default", ...filter }, options);
    const item = found.find(({ state }) => state === PodSandboxState.SANDBOX_READY) ?? found[0];
    return item && new Pod(this.#context, new Sandbox(this.#context, podFactsOfItem(item)));
  }

  /** Returns a pod that another client created, with its config as far as the runtime reports it: `get()` and {@link Pod.adopt}. */
  async adopt(idOrPrefix: IdOrHandle, options: LookUpOptions = {}): Promise<Pod> {
    lookUpTable.check("pods.adopt", options);
    return withDeadline(
      options,
      async (signal) => {
        const pod = await this.get(idOrPrefix, { signal });
        await pod.adopt({ signal });
        return pod;
      },
      this.#context.closing,
    );
  }
}
