import { setTimeout as pause } from "node:timers/promises";
import { ContainerState } from "../../../gen/runtime/v1/api_pb.js";
import type { Cri } from "../../../src/index.js";

/** What was seen of a container. */
interface SeenContainer {
  readonly id: string;
  readonly podUid: string;
  readonly name: string;
  /** Whether it ran at any time. */
  hasRun: boolean;
  hasEnded: boolean;
}

const everyMs = 150;

/** Follows the containers of a runtime by lists: what ran must run until its Pod is deleted, and is not created again. */
export class ContainerHistory {
  readonly problems: string[] = [];
  readonly #cri: Cri;
  readonly #mayEnd: (podUid: string) => boolean;
  readonly #seen = new Map<string, SeenContainer>();
  readonly #ending = new AbortController();
  readonly #loop: Promise<void>;

  /** @param mayEnd whether the containers of the Pod with this uid may end, since it is deleted */
  constructor(cri: Cri, mayEnd: (podUid: string) => boolean) {
    this.#cri = cri;
    this.#mayEnd = mayEnd;
    this.#loop = this.#run();
  }

  /** How many containers were seen. */
  get count(): number {
    return this.#seen.size;
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      await this.#look().catch(() => undefined); // It is being restarted.
      await pause(everyMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async #look(): Promise<void> {
    const { containers } = await this.#cri.runtime.listContainers(
      {},
      { timeoutMs: 5_000, signal: this.#ending.signal },
    );
    const running = new Set<string>();
    for (const { id, state, labels } of containers) {
      const podUid = labels["io.kubernetes.pod.uid"] ?? "";
      // Those of other tests on the same runtime: a kubelet's containers have the label.
      if (podUid === "") continue;
      const seen = this.#seen.get(id) ?? {
        id,
        podUid,
        name: labels["io.kubernetes.container.name"] ?? "",
        hasRun: false,
        hasEnded: false,
      };
      this.#seen.set(id, seen);
      if (state !== ContainerState.CONTAINER_RUNNING) continue;
      running.add(id);
      if (!seen.hasRun) this.#checkFirst(seen);
      seen.hasRun = true;
    }
    for (const seen of this.#seen.values()) {
      if (!seen.hasRun || seen.hasEnded || running.has(seen.id)) continue;
      seen.hasEnded = true;
      if (!this.#mayEnd(seen.podUid))
        this.problems.push(`${seen.name} ${seen.id} of the pod ${seen.podUid} ended`);
    }
  }

  #checkFirst({ id, podUid, name }: SeenContainer): void {
    for (const other of this.#seen.values())
      if (other.hasRun && other.podUid === podUid && other.name === name && other.id !== id)
        this.problems.push(`${name} of the pod ${podUid} ran as ${other.id}, then as ${id}`);
  }
}
