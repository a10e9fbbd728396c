// The network of pods, by CNI plugins. A pod is attached once its pause process runs, since the engine cannot join a namespace
// that exists before the container.
import type { FileHandle } from "node:fs/promises";
import { isCriError } from "cri-sdk";
import { criError } from "cri-sdk/server";
import { type Attachment, attach, detach, type NetworkResult } from "./attachment.js";
import { type Network, readNetwork } from "./config.js";
import { leaseHolders } from "./leases.js";
import { addressesOf, openNamespace, pathOf } from "./namespace.js";
import { killOrphans } from "./orphans.js";
import { findPlugin } from "./plugin.js";
import { hostPorts, type Port } from "./ports.js";

export interface PodNetworkOptions {
  /** The folder of the configuration. */
  readonly confDir: string;
  /** The folders of the plugins. */
  readonly binDirs: readonly string[];
  /** Distinguishes the pods of this engine from those of other runtimes that use the same network. */
  readonly owner: string;
  /** How long one plugin may take, in milliseconds. Default: 30,000. */
  readonly pluginTimeoutMs?: number;
}

/** A sandbox with a network of its own. */
export interface NetworkedPod {
  readonly id: string;
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly portMappings: readonly Port[];
  /** The pause process; 0 or undefined if it has ended. */
  readonly pid?: number | undefined;
}

/** Kept for the DEL, together with an open file of the namespace. */
interface Attached {
  readonly network: Network;
  readonly namespace: FileHandle;
  readonly result: NetworkResult;
}

export class PodNetwork {
  readonly #confDir: string;
  readonly #owner: string;
  readonly #plugins: { readonly binDirs: readonly string[]; readonly timeoutMs: number };
  /** The pods that this process has attached. Those of an earlier process are detached without what is kept here. */
  readonly #attached = new Map<string, Attached>();
  /** The last operation on each pod. */
  readonly #last = new Map<string, Promise<unknown>>();

  constructor({ confDir, binDirs, owner, pluginTimeoutMs = 30_000 }: PodNetworkOptions) {
    this.#confDir = confDir;
    this.#owner = owner;
    this.#plugins = { binDirs, timeoutMs: pluginTimeoutMs };
  }

  /** Returns why pods cannot be attached, for the condition NetworkReady; undefined if they can. */
  async problem(): Promise<string | undefined> {
    try {
      const { plugins } = await readNetwork(this.#confDir);
      const types = plugins.flatMap(({ type, ipam }) => (ipam?.type ? [type, ipam.type] : [type]));
      await Promise.all(types.map((type) => findPlugin(type, this.#plugins.binDirs)));
      return undefined;
    } catch (error) {
      return isCriError(error) ? error.rawMessage : String(error);
    }
  }

  /** Attaches a pod whose pause process runs. Returns its addresses, the primary one first. Leaves nothing behind if it fails. */
  add(pod: NetworkedPod & { readonly pid: number }, signal: AbortSignal): Promise<{ ips: string[] }> {
    return this.#inTurn(pod.id, async () => {
      signal.throwIfAborted();
      const network = await readNetwork(this.#confDir);
      const namespace = await openNamespace(pod.pid);
      if (!namespace) throw criError("wrong_state", `the sandbox ${pod.id} is not running`);
      try {
        // The engine has brought up the loopback interface: no plugin is needed for it.
        const attachment = this.#attachment(pod, `/proc/${pod.pid}/ns/net`);
        const result = await attach({ network, attachment, ...this.#plugins }, signal);
        // Before version 0.3.0 of CNI the result has other fields.
        const ips =
          result.ips?.map(({ address }) => address.replace(/\/.*/, "")) ?? (await addressesOf(pod.pid));
        this.#attached.set(pod.id, { network, namespace, result });
        return { ips };
      } catch (error) {
        await namespace.close();
        throw error;
      }
    });
  }

  /**
   * Detaches a pod; does nothing if that was done before. Call it before the pause process is stopped: if an earlier process of the
   * shim has attached the pod, the namespace ends with the pause process, and some plugins need it to clean up completely.
   */
  remove(pod: NetworkedPod): Promise<void> {
    return this.#inTurn(pod.id, async () => {
      const attached = this.#attached.get(pod.id);
      if (!attached) return this.#removeOther(pod);
      const { network, namespace, result } = attached;
      const attachment = this.#attachment(pod, pathOf(namespace));
      await detach({ network, attachment, ...this.#plugins }, result);
      this.#attached.delete(pod.id);
      await namespace.close();
    });
  }

  /** Detaches a pod that an earlier process has attached, or that is detached already. A DEL may lack the result of the ADD. */
  async #removeOther(pod: NetworkedPod): Promise<void> {
    const network = await readNetwork(this.#confDir);
    const namespace = await openNamespace(pod.pid ?? 0);
    try {
      const attachment = this.#attachment(pod, namespace ? pathOf(namespace) : "");
      await detach({ network, attachment, ...this.#plugins });
    } finally {
      await namespace?.close();
    }
  }

  /** After a start of the shim: kills the plugins that an earlier process has called. */
  async killOrphans(): Promise<void> {
    await killOrphans(this.#owner);
  }

  /**
   * Detaches the pods of this engine that hold an address of the host-local plugin although they are not among the living ones.
   * Returns their ids. Pods that are attached in the meantime are left alone.
   */
  async sweep(living: ReadonlySet<string>): Promise<string[]> {
    if ((await this.problem()) !== undefined) return [];
    const network = await readNetwork(this.#confDir);
    const prefix = `${this.#owner}-`;
    const freed: string[] = [];
    const errors: unknown[] = [];
    for (const holder of await leaseHolders(network)) {
      const id = holder.slice(prefix.length);
      if (!holder.startsWith(prefix) || living.has(id) || this.#attached.has(id) || this.#last.has(id))
        continue;
      // The portmap plugin removes the rules of the container id, but only if there is a port at all.
      const portMappings = [{ hostPort: 1, containerPort: 1, protocol: "tcp", hostIP: "" }];
      const attachment = { containerId: holder, netns: "", args: "IgnoreUnknown=1", portMappings };
      await this.#inTurn(id, () => detach({ network, attachment, ...this.#plugins })).then(
        () => freed.push(id),
        (error) => errors.push(error),
      );
    }
    if (errors.length > 0)
      throw new AggregateError(errors, `${errors.length} leaked addresses were not freed`);
    return freed;
  }

  #attachment({ id, name, namespace, uid, portMappings }: NetworkedPod, netns: string): Attachment {
    const args = [
      ["IgnoreUnknown", "1"],
      ["K8S_POD_NAMESPACE", namespace],
      ["K8S_POD_NAME", name],
      ["K8S_POD_INFRA_CONTAINER_ID", id],
      ["K8S_POD_UID", uid],
    ]
      // A value with a separator would set other arguments. A kubelet sends no such values.
      .filter(([, value]) => value !== undefined && /^[^;=\0]+$/.test(value))
      .map((pair) => pair.join("="));
    return {
      containerId: `${this.#owner}-${id}`,
      netns,
      args: args.join(";"),
      portMappings: hostPorts(portMappings),
    };
  }

  /** Runs operations on one pod in the order of the calls: a removal waits for the end of the ADD. */
  async #inTurn<T>(id: string, operation: () => Promise<T>): Promise<T> {
    const result = (this.#last.get(id) ?? Promise.resolve()).then(operation);
    const settled = result.catch(() => undefined);
    this.#last.set(id, settled);
    try {
      return await result;
    } finally {
      if (this.#last.get(id) === settled) this.#last.delete(id);
    }
  }
}
