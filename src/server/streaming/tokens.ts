import { randomBytes } from "node:crypto";

/** A token is a session's only authentication, so it must not be guessable. */
const tokenBytes = 16;

interface Entry<T> {
  readonly value: T;
  readonly expiresAt: number;
}

/** Stores values under unguessable tokens; each can be taken once, until it expires. Uses no timer. */
export class TokenCache<T> {
  readonly #lifetimeMs: number;
  readonly #limit: number;
  /** The oldest entry first, since all have the same lifetime. */
  readonly #entries = new Map<string, Entry<T>>();

  constructor(lifetimeMs: number, limit: number) {
    this.#lifetimeMs = lifetimeMs;
    this.#limit = limit;
  }

  /** Stores a value and returns its token: letters, digits, `-` and `_`. Undefined when the cache is full. */
  put(value: T): string | undefined {
    this.#prune();
    if (this.#entries.size >= this.#limit) return undefined;
    const token = randomBytes(tokenBytes).toString("base64url");
    this.#entries.set(token, { value, expiresAt: performance.now() + this.#lifetimeMs });
    return token;
  }

  /** Returns the value of a token and uses the token up. Undefined if it is unknown, used, or expired. */
  take(token: string): T | undefined {
    this.#prune();
    const entry = this.#entries.get(token);
    this.#entries.delete(token);
    return entry?.value;
  }

  /** Removes all tokens. */
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
