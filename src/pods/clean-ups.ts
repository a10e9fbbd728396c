import type { RuntimeClient } from "../clients/index.js";
import { onAbort, raceAbort, sleep } from "../core/index.js";

/** The deadline of a clean-up. It replaces the caller's signal, which may be why the operation failed. */
export const cleanUpMs = 20_000;
/** The key of a pod's clean-ups. */
export function podKey(uid: string | undefined): string {
  return `pod/${uid}`;
}

/** The key of the clean-ups of a container: of all its attempts in a sandbox. */
export function containerKey(podSandboxId: string, name: string): string {
  return `container/${podSandboxId}/${name}`;
}

/** How long the runtime may take to answer Version, so that an answer to the caller waits for a clean-up. */
const probeMs = 500;
/** How long the answer waits for a clean-up after the caller's signal fired, while the runtime responds. */
const graceMs = 2_000;

/**
 * The clean-ups in flight on one connection. A clean-up may outlast the call that failed, and a later call for the same object waits for
 * it: otherwise the clean-up could remove what the later call creates.
 */
export class CleanUps {
  readonly #runtime: Pick<RuntimeClient, "version">;
  readonly #running = new Map<string, Promise<unknown>>();

  constructor(runtime: Pick<RuntimeClient, "version">) {
    this.#runtime = runtime;
  }

  /** Waits until no clean-up of this object is in flight. */
  async settled(key: string, signal: AbortSignal): Promise<void> {
    for (let running = this.#running.get(key); running; running = this.#running.get(key))
      await raceAbort(running, signal);
  }

  /**
   * Runs a clean-up under its own deadline. Returns whether it has ended: after the caller's signal has fired, the clean-up of a
   * runtime that hangs does not delay the answer, and continues in the background. Never rejects; `work` must not.
   */
  async run(key: string, caller: AbortSignal, work: () => Promise<void>): Promise<boolean> {
    const running = Promise.resolve(this.#running.get(key)).then(work);
    this.#running.set(key, running);
    void running.then(() => {
      if (this.#running.get(key) === running) this.#running.delete(key);
    });
    const end = new AbortController();
    const overdue = async () => {
      await fired(caller, end.signal);
      await this.#runtime.version({}, { timeoutMs: probeMs, signal: end.signal });
      await sleep(graceMs, end.signal);
    };
    const isOverdue = overdue().then(
      () => false,
      () => false,
    );
    const hasEnded = await Promise.race([running.then(() => true), isOverdue]);
    end.abort();
    return hasEnded;
  }
}

/** Resolves when `signal` fires. Rejects when `end` fires first. */
function fired(signal: AbortSignal, end: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const removeCallback = onAbort(signal, resolve);
    onAbort(end, () => {
      removeCallback();
      reject(end.reason);
    });
  });
}
