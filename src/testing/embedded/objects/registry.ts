import type { Refusals } from "../refusals.js";

/** The objects of one kind, by id, by the beginning of an id, and by the name that only one may have. */
export class Registry<T extends { readonly id: string }> {
  readonly #what: "sandbox" | "container";
  readonly #refusals: Refusals;
  readonly #byId = new Map<string, T>();
  readonly #names = new Map<string, T>();

  constructor(what: "sandbox" | "container", refusals: Refusals) {
    this.#what = what;
    this.#refusals = refusals;
  }

  get size(): number {
    return this.#byId.size;
  }

  all(): IterableIterator<T> {
    return this.#byId.values();
  }

  /** Keeps an object; gives the one that has its name already, and then keeps nothing. */
  reserve(name: string, object: T): T | undefined {
    const holder = this.#names.get(name);
    if (holder) return holder;
    this.#names.set(name, object);
    this.#byId.set(object.id, object);
    return undefined;
  }

  release(name: string, object: T): void {
    if (this.#names.get(name) === object) this.#names.delete(name);
    this.#byId.delete(object.id);
  }

  /** The object of an id, or of its beginning. Throws what a client is told of one that is missing, or ambiguous. */
  get(id: string): T {
    const found = this.find(id);
    if (found) return found;
    throw this.#refusals.missing(this.#what, id);
  }

  /** The same, undefined where there is none. */
  find(id: string): T | undefined {
    const exact = this.#byId.get(id);
    if (exact || id.length >= 64) return exact;
    if (id === "") throw this.#refusals.invalid(`${this.#what}_id`, "must not be empty", id);
    const [first, second] = this.startingWith(id);
    if (second) throw this.#refusals.ambiguous(id);
    return first;
  }

  /** What a filter's id stands for: one object, or none, also when several begin like it. */
  filtered(id: string): Iterable<T> {
    if (id === "") return this.#byId.values();
    const exact = this.#byId.get(id);
    if (exact) return [exact];
    const found = [...this.startingWith(id)];
    return found.length === 1 ? found : [];
  }

  *startingWith(prefix: string): Generator<T> {
    for (const [id, object] of this.#byId) if (id.startsWith(prefix)) yield object;
  }
}
