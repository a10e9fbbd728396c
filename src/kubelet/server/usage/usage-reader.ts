import { isCriError, monotonicMs } from "../../../core/index.js";
import type { Cri } from "../../../cri.js";
import { SingleFlight } from "../../../images/index.js";
import { type ContainerUsage, type PodUsage, withRates } from "../../../stats/index.js";
import type { KubeletView } from "../../kubelet-view.js";

/** How long a result is cached: several pages are often requested one after the other. */
const freshMs = 1_000;
/** A rate of CPU needs two readings that are not too close. */
const minRateMs = 2_000;
const readTimeoutMs = 20_000;

/** What the Pods of a kubelet use. */
export interface KubeletUsage {
  /** By the uid of the Pod; of several sandboxes of a Pod, the newest. */
  readonly pods: ReadonlyMap<string, PodUsage>;
  /** By the uid of the Pod; newest first. */
  readonly containers: ReadonlyMap<string, readonly ContainerUsage[]>;
  /** Whether the usage of something could not be read. */
  readonly isComplete: boolean;
}

interface Reading {
  readonly pods: readonly PodUsage[];
  readonly containers: readonly ContainerUsage[];
  readonly isComplete: boolean;
  readonly atMs: number;
}

/** Reads the usage of the Pods of a kubelet, once for all who ask at the same time. */
export class UsageReader {
  readonly #view: Pick<KubeletView, "pods"> & { readonly cri: Pick<Cri, "stats"> };
  readonly #flights = new SingleFlight<Reading>();
  #latest: Reading | undefined;
  /** The reading from which rates are computed. */
  #base: Reading | undefined;

  constructor(view: Pick<KubeletView, "pods"> & { readonly cri: Pick<Cri, "stats"> }) {
    this.#view = view;
  }

  /** Returns the usage; what is missing in the runtime's answer is missing in it. Rejects when the runtime cannot be asked. */
  async read(signal: AbortSignal): Promise<KubeletUsage> {
    const latest = this.#latest;
    const reading =
      latest && monotonicMs() - latest.atMs < freshMs
        ? latest
        : await this.#flights.join("usage", signal, (shared) => this.#read(shared));
    const known = new Set(this.#view.pods().map(({ pod }) => pod.metadata.uid));
    const pods = new Map<string, PodUsage>();
    for (const usage of reading.pods) {
      const other = pods.get(usage.uid);
      if (known.has(usage.uid) && (!other || other.attempt < usage.attempt)) pods.set(usage.uid, usage);
    }
    const containers = new Map<string, ContainerUsage[]>();
    for (const usage of reading.containers)
      if (known.has(usage.podUid))
        containers.set(usage.podUid, [...(containers.get(usage.podUid) ?? []), usage]);
    return { pods, containers, isComplete: reading.isComplete };
  }

  async #read(signal: AbortSignal): Promise<Reading> {
    const { stats } = this.#view.cri;
    const options = { signal, timeoutMs: readTimeoutMs };
    const [pods, containers] = await Promise.all([
      // A runtime may lack the usage of pods.
      stats.pods({}, options).catch((error: unknown) => {
        if (isCriError(error) && error.reason === "unimplemented") return { items: [], failed: [] };
        throw error;
      }),
      stats.containers({}, options),
    ]);
    const read = {
      pods: pods.items,
      containers: containers.items,
      isComplete: pods.failed.length === 0 && containers.failed.length === 0,
      atMs: monotonicMs(),
    };
    const previous = this.#latest;
    if (previous && (!this.#base || previous.atMs - this.#base.atMs >= minRateMs)) this.#base = previous;
    const base = this.#base;
    this.#latest = base
      ? {
          ...read,
          pods: withRates(base.pods, read.pods),
          containers: withRates(base.containers, read.containers),
        }
      : read;
    return this.#latest;
  }
}
