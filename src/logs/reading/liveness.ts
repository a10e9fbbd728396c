import type { ResolvedReadOptions } from "./options.js";

/** How often the container is asked after, in milliseconds. */
const askEveryMs = 1_000;

/** Finds out whether the container still runs, beside the reading. */
export class Liveness {
  readonly #ask: NonNullable<ResolvedReadOptions["running"]>;
  readonly #signal: AbortSignal;
  readonly #tell: () => void;
  #askedAt = Number.NEGATIVE_INFINITY;
  #isAsking = false;
  #hasEnded = false;
  #failure: { readonly error: unknown } | undefined;

  /** `tell` is called when there is something new to know. */
  constructor(ask: NonNullable<ResolvedReadOptions["running"]>, signal: AbortSignal, tell: () => void) {
    this.#ask = ask;
    this.#signal = signal;
    this.#tell = tell;
  }

  /** Whether the container is known to have ended. Asks again when that is due. Throws what the answer failed with. */
  get hasEnded(): boolean {
    if (this.#failure) throw this.#failure.error;
    const isDue = performance.now() - this.#askedAt >= askEveryMs;
    if (isDue && !this.#isAsking && !this.#hasEnded) void this.#find();
    return this.#hasEnded;
  }

  async #find(): Promise<void> {
    this.#isAsking = true;
    this.#askedAt = performance.now();
    try {
      this.#hasEnded = !(await this.#ask(this.#signal));
    } catch (error) {
      this.#failure = { error };
    }
    this.#isAsking = false;
    if (this.#hasEnded || this.#failure) this.#tell();
  }
}
