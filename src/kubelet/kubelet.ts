import { checkArgument, criError, OptionTable, option, raceAbort, withDeadline } from "../core/index.js";
import type { Node } from "../kubernetes/index.js";
import type { KubeletEvent } from "./kubelet-event.js";
import type { Eviction, KubeletPod } from "./kubelet-view.js";

/** Options of {@link Kubelet.stop}. */
export interface KubeletStopOptions {
  /** The seconds until SIGKILL of all pods, preStop hooks included; at least 1. @default that of each Pod */
  readonly gracePeriodSeconds?: number | undefined;
  /** The deadline of the call, in milliseconds: it rejects with `deadline`, and the pods are still stopped. @default no deadline */
  readonly timeoutMs?: number | undefined;
}

/** Options of {@link Kubelet.waitFor}. */
export interface KubeletWaitOptions {
  /** Cancels the wait: reason `aborted_by_caller`. @default none */
  readonly signal?: AbortSignal | undefined;
  /** The deadline of the wait, in milliseconds: it rejects with `deadline`. 0 and Infinity mean no deadline. @default none */
  readonly timeoutMs?: number | undefined;
}

const stopTable = new OptionTable<KubeletStopOptions>({
  gracePeriodSeconds: option.wholeNumber(0),
  timeoutMs: option.timeoutMs,
});
const evictionTable = new OptionTable<Eviction>({
  reason: option.required(option.nonEmptyString),
  message: option.required(option.string),
  disruption: option.string,
  gracePeriodSeconds: option.wholeNumber(0),
});
const waitTable = new OptionTable<KubeletWaitOptions>({
  signal: option.signal,
  timeoutMs: option.timeoutMs,
});

/** What a {@link Kubelet} is made of. */
export interface KubeletParts {
  readonly nodeName: string;
  readonly rootDir: string;
  readonly pods: () => readonly KubeletPod[];
  readonly find: (namespace: string, name: string) => KubeletPod | undefined;
  readonly node: () => Node<Date>;
  readonly evict: (uid: string, eviction: Eviction) => void;
  readonly recentEvents: () => readonly KubeletEvent[];
  /** Calls back after each change of the node and of the pods. Returns a function that unsubscribes. */
  readonly onChange: (callback: () => void) => () => void;
  readonly serverUrl: () => string | undefined;
  readonly statusUrl: () => string | undefined;
  readonly closing: AbortSignal;
  readonly close: () => Promise<void>;
  readonly stopPods: (gracePeriodSeconds: number | undefined) => Promise<void>;
}

/** A kubelet: `createKubelet()`. `await using` closes it, and leaves its pods running. */
export class Kubelet implements AsyncDisposable {
  /** The name of the node. */
  readonly nodeName: string;
  /** The folder of the files of its pods. */
  readonly rootDir: string;
  readonly #parts: KubeletParts;

  /** Called by `createKubelet()`. */
  constructor(parts: KubeletParts) {
    this.#parts = parts;
    this.nodeName = parts.nodeName;
    this.rootDir = parts.rootDir;
  }

  /** Returns the Pods of all sources, in order of arrival, including those that have ended or were rejected. */
  pods(): readonly KubeletPod[] {
    return this.#parts.pods();
  }

  /** Returns a Pod by its name; undefined for an unknown one. */
  pod(namespace: string, name: string): KubeletPod | undefined {
    checkArgument("kubelet.pod", "namespace", namespace, option.nonEmptyString);
    checkArgument("kubelet.pod", "name", name, option.nonEmptyString);
    return this.#parts.find(namespace, name);
  }

  /** Returns the Node as it is reported now. */
  node(): Node<Date> {
    return this.#parts.node();
  }

  /** The URL of the kubelet's API on this machine; undefined without the option `server`. */
  get serverUrl(): string | undefined {
    return this.#parts.serverUrl();
  }

  /** The URL of the status page on this machine; undefined without the option `readOnlyPort`. */
  get statusUrl(): string | undefined {
    return this.#parts.statusUrl();
  }

  /** Returns the last 500 events of the node and its Pods, the oldest first. */
  events(): readonly KubeletEvent[] {
    return this.#parts.recentEvents();
  }

  /**
   * Stops a Pod for good, as failed; its status keeps the reason. Returns at once. Throws `object_missing` for a Pod that it does not know.
   *
   * @param uid `metadata.uid` of the Pod
   */
  evict(uid: string, eviction: Eviction): void {
    checkArgument("kubelet.evict", "uid", uid, option.nonEmptyString);
    checkArgument("kubelet.evict", "eviction", eviction, option.nested(evictionTable));
    if (!this.pods().some(({ pod }) => pod.metadata.uid === uid))
      throw criError("object_missing", `kubelet.evict: no Pod has the uid ${JSON.stringify(uid)}`);
    this.#parts.evict(uid, eviction);
  }

  /** Whether the condition Ready of the Node is True. */
  isReady(): boolean {
    return (this.node().status?.conditions ?? []).some(
      ({ type, status }) => type === "Ready" && status === "True",
    );
  }

  /**
   * Waits until a function returns true. It is called at once, and after each change of the node or of a pod. Rejects with
   * {@link CriError}: `deadline`, `aborted_by_caller`, `client_closed` when the kubelet closes; and with the error of the function.
   */
  async waitFor(holds: (kubelet: Kubelet) => boolean, options: KubeletWaitOptions = {}): Promise<void> {
    if (typeof holds !== "function")
      throw criError("invalid_option", "kubelet.waitFor.holds: must be a function");
    waitTable.check("kubelet.waitFor", options);
    await withDeadline(
      options,
      (signal) => {
        let end = () => {};
        const held = new Promise<void>((resolve, reject) => {
          const look = () => {
            try {
              if (holds(this)) resolve();
            } catch (error) {
              reject(error);
            }
          };
          end = this.#parts.onChange(look);
          look();
        });
        return raceAbort(held, signal).finally(() => end());
      },
      this.#parts.closing,
    );
  }

  /** Waits until the node is ready: see {@link waitFor}. */
  async waitUntilReady(options: KubeletWaitOptions = {}): Promise<void> {
    await this.waitFor((kubelet) => kubelet.isReady(), options);
  }

  /**
   * Stops and removes all pods, takes no others, and closes. Rejects with `deadline`: then the kubelet is still open, and the pods are still
   * being stopped.
   */
  async stop(options: KubeletStopOptions = {}): Promise<void> {
    stopTable.check("kubelet.stop", options);
    const { gracePeriodSeconds, timeoutMs } = options;
    const stopped = this.#parts.stopPods(gracePeriodSeconds);
    await withDeadline({ timeoutMs }, (signal) => raceAbort(stopped, signal));
    await this.close();
  }

  /** Stops the kubelet and leaves its pods running: the next one on the same `rootDir` continues. Idempotent. */
  close(): Promise<void> {
    return this.#parts.close();
  }

  /** Closes: {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
