import type { Cri } from "../../cri.js";
import type { KubeletLoop, KubeletView } from "../kubelet-view.js";
import type { NodeRelist } from "../relist/index.js";
import type { GarbageCollectionOptions } from "./options.js";

/** What {@link GarbageCollection} uses. */
export interface GarbageParts {
  readonly view: Pick<KubeletView, "clock" | "files" | "pods" | "hasAllSources"> & {
    readonly cri: Pick<Cri, "runtime">;
  };
  readonly relist: Pick<NodeRelist, "pods" | "containers" | "relist" | "relistedAtMs">;
  /** The folder of pods' logs. */
  readonly podLogsDir: string;
  /** The folder of links to the logs of containers. @default none */
  readonly containerLogsDir?: string | undefined;
  /** Whether what belongs to pods without files in the root folder is collected, too. @default "keep" */
  readonly foreignPods?: "keep" | "remove" | undefined;
}

/**
 * Collects dead containers, dead sandboxes and logs that nobody needs any more. What active pods leave is pruned by their workers; this is
 * about pods that have ended, pods that are gone, and limits of the node.
 */
export class GarbageCollection implements KubeletLoop {
  readonly #parts: GarbageParts;
  readonly #options: GarbageCollectionOptions;

  constructor(parts: GarbageParts, options: GarbageCollectionOptions = {}) {
    this.#parts = parts;
    this.#options = options;
  }

  /** Collects once. `everything`: also what is kept for the statuses of pods that have ended, since the node needs space. */
  async collect(
    signal: AbortSignal,
    options: { readonly everything?: boolean | undefined } = {},
  ): Promise<void> {
    signal.throwIfAborted();
    if (!this.#parts.view.hasAllSources() && options.everything) return;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#parts.view.clock.sleep(this.#options.intervalMs ?? 60_000, signal).catch(() => undefined);
      await this.collect(signal).catch(() => undefined);
    }
  }
}
