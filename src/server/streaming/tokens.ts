import { randomBytes } from "node:crypto";

/** What guards a session: there is no other authentication, so a token must not be guessed. */
const tokenBytes = 16;

interface Entry<T> {
  readonly value: T;
  readonly expiresAt: number;
}

/** Keeps values for a while, each under a name that nobody can guess; each can be taken once. Holds no timer. */
export class TokenCache<T> {
  readonly #lifetimeMs: number;
  readonly #limit: number;
  /** The oldest first, since all live equally long. */
  readonly #entries = new Map<string, Entry<T>>();

  constructor(lifetimeMs: number, limit: number) {
    this.#lifetimeMs = lifetimeMs;
    this.#limit = limit;
  }

  /** Keeps a value; gives its token, of letters, digits, `-` and `_`. Undefined where there is no room. */
  put(value: T): string | undefined {
    this.#prune();
    if (this.#entries.size >= this.#limit) return undefined;
    const token = randomBytes(tokenBytes).toString("base64url");
    this.#entries.set(token, { value, expiresAt: performance.now() + this.#lifetimeMs });
    return token;
  }

  /** The value of a token, which is spent by this. Undefined where it is unknown, spent, or too old. */
  take(token: string): T | undefined {
    this.#prune();
    const entry = this.#entries.get(token);
    this.#entries.delete(token);
    return entry?.value;
  }

  /** Forgets all of them. */
  clear(): void {
    this.#entries.clear();
  }

  #prune(): void {
    const now = performance.now();
    for (const [token, { expiresAt }] of this.#entries) {
      if (expiresAt > now) return;
      this.#entries.delete(token);
    }
  }
}
