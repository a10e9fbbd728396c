import { sleep } from "../core/index.js";

/** The longest time that one step of a close may take, in milliseconds. */
const maxStepMs = 10_000;

/** The steps of closing a kubelet, in reverse order of the start. */
export class CloseSteps {
  readonly #steps: (() => Promise<unknown> | undefined)[] = [];
  #closing: Promise<void> = Promise.resolve();

  /** Adds a step. Its failure does not prevent the others. */
  add(step: () => Promise<unknown> | undefined): void {
    this.#steps.push(step);
  }

  /**
   * Runs the steps, each once and at most for ten seconds: a runtime that hangs must not keep the process alive. A later call
   * runs the steps that were added since: a canceled start may have continued for a while.
   */
  close(): Promise<void> {
    this.#closing = this.#closing.then(() => this.#close());
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      const timer = new AbortController();
      const work = Promise.resolve(step()).catch(() => undefined);
      const limit = sleep(maxStepMs, timer.signal).catch(() => undefined);
      await Promise.race([work, limit]);
      timer.abort();
    }
  }
}
