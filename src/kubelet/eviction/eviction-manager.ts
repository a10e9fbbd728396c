import type { Cri } from "../../cri.js";
import type { AdmissionCheck } from "../admission-check.js";
import type { GarbageCollection, ImageGarbageCollection } from "../garbage/index.js";
import type { KubeletLoop, KubeletView } from "../kubelet-view.js";
import type { NodeRelist } from "../relist/index.js";
import type { EvictionOptions } from "./options.js";

/** The pressures of a node: its conditions MemoryPressure, DiskPressure and PIDPressure. */
export interface NodePressures {
  readonly memory: boolean;
  readonly disk: boolean;
  readonly pid: boolean;
}

/** What {@link EvictionManager} uses. */
export interface EvictionParts {
  readonly view: Pick<KubeletView, "clock" | "pods" | "facts" | "evict" | "record" | "nodeName" | "node"> & {
    readonly cri: Pick<Cri, "stats" | "images">;
  };
  readonly relist: Pick<NodeRelist, "isRunning">;
  readonly garbage: Pick<GarbageCollection, "collect">;
  readonly imageGarbage: Pick<ImageGarbageCollection, "removeUnused">;
  /** Called when a pressure begins or ends, so that the node's status can be sent at once. */
  readonly onPressureChange?: (() => void) | undefined;
}

/**
 * Keeps the node usable: it measures memory, disks and process ids, frees what nobody needs, and evicts pods, as the kubelet's eviction
 * manager does. It also evicts pods that exceed their own limits of ephemeral storage, or the `sizeLimit` of an emptyDir.
 */
export class EvictionManager implements KubeletLoop {
  readonly #parts: EvictionParts;
  readonly #options: EvictionOptions;

  /** Throws `invalid_option` for a threshold that is not an amount. */
  constructor(parts: EvictionParts, options: EvictionOptions = {}) {
    this.#parts = parts;
    this.#options = options;
  }

  /** Returns the pressures of the node, for its conditions. */
  pressures(): NodePressures {
    return { memory: false, disk: false, pid: false };
  }

  /** Refuses pods that would make a pressure worse: under memory pressure those of best effort, otherwise all but critical ones. */
  readonly admission: AdmissionCheck = () => undefined;

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted)
      await this.#parts.view.clock.sleep(this.#options.intervalMs ?? 10_000, signal).catch(() => undefined);
  }
}
