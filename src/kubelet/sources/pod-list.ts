import { checkArgument, criError, isKeyed, type OptionCheck, option } from "../../core/index.js";
import { defaultPod, type Pod } from "../../kubernetes/index.js";
import type { PodSource, SourceHost } from "../pod-source.js";

/** A source whose Pods a program sets. */
export interface PodList extends Pick<PodSource, "name" | "start" | "close"> {
  /**
   * Replaces the Pods: new ones are started, and those that are missing are stopped and removed. A Pod without a uid gets one from its
   * content, so that a changed Pod replaces the old one.
   *
   * @throws {CriError} `invalid_option` for what is not a list of Pods; `invalid_spec` for two Pods of one name
   */
  set(pods: readonly Pod[]): void;
}

const podCheck: OptionCheck<Pod> = (value) =>
  isKeyed(value) && (value.kind === undefined || value.kind === "Pod") ? undefined : "must be a Pod";

/**
 * Creates a source with a list of Pods in memory; its name is `list`. The Pods are static: no API server knows them, unless the kubelet has
 * one as a source, too, which then shows them.
 *
 * @param pods the first Pods
 * @throws as {@link PodList.set} does
 */
export function podList(pods: readonly Pod[] = []): PodList {
  return new MemoryPods(pods);
}

class MemoryPods implements PodList {
  readonly name = "list";
  #pods: readonly Pod[] = [];
  #host: SourceHost | undefined;

  constructor(pods: readonly Pod[]) {
    this.#set("podList", pods);
  }

  set(pods: readonly Pod[]): void {
    this.#set("PodList.set", pods);
  }

  async start(host: SourceHost): Promise<void> {
    if (this.#host) throw criError("wrong_state", "podList: a source can be used by one kubelet only");
    this.#host = host;
    host.setPods(this.#pods);
  }

  async close(): Promise<void> {
    this.#host = undefined;
  }

  #set(operation: string, pods: readonly Pod[]): void {
    checkArgument(operation, "pods", pods, option.listOf(podCheck));
    const identified = pods.map(identify);
    const names = new Set<string>();
    for (const { namespace, name } of identified.map(({ metadata = {} }) => metadata)) {
      const key = `${namespace}/${name}`;
      if (names.has(key)) throw criError("invalid_spec", `${operation}: pods: two Pods have the name ${key}`);
      names.add(key);
    }
    this.#pods = identified;
    this.#host?.setPods(identified);
  }
}

/** Adds the identity that Pods of a source must have. */
function identify(pod: Pod): Pod {
  const { name, namespace, uid } = defaultPod(pod).metadata;
  // The status of a manifest is that of another pod.
  const { status: _status, ...manifest } = pod;
  return { ...manifest, metadata: { ...pod.metadata, name, namespace, uid } };
}
