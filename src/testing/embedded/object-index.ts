import type { ErrorFactory } from "./errors.js";

/** All objects of one kind: by id, by a prefix of an id, and by a unique name. */
export class ObjectIndex<T extends { readonly id: string }> {
  readonly #kind: "sandbox" | "container";
  readonly #errors: ErrorFactory;
  readonly #byId = new Map<string, T>();
  readonly #byName = new Map<string, T>();

  constructor(kind: "sandbox" | "container", errors: ErrorFactory) {
    this.#kind = kind;
    this.#errors = errors;
  }

  /** Returns the object with this name; undefined when there is none. */
  holderOf(name: string): T | undefined {
    return this.#byName.get(name);
  }

  /** Adds an object, unless its name is taken: then adds nothing, and returns the object with that name. */
  reserve(name: string, object: T): T | undefined {
    const holder = this.#byName.get(name);
    if (holder) return holder;
    this.#byName.set(name, object);
    this.#byId.set(object.id, object);
    return undefined;
  }

  release(name: string, object: T): void {
    if (this.#byName.get(name) === object) this.#byName.delete(name);
    this.#byId.delete(object.id);
  }

  /** Returns the object with this id or unique prefix of an id. Throws `object_missing` and `ambiguous_id`. */
  get(id: string): T {
    const found = this.find(id);
    if (found) return found;
    throw this.#errors.notFound(this.#kind, id);
  }

  /** Returns the object with this id or unique prefix of an id; undefined when there is none. Throws `ambiguous_id`. */
  find(id: string): T | undefined {
    const exact = this.#byId.get(id);
    if (exact || id.length >= 64) return exact;
    if (id === "") throw this.#errors.invalidRequest(`${this.#kind}_id`, "must not be empty", id);
    const [first, second] = this.#withPrefix(id);
    if (second) throw this.#errors.ambiguousId(id);
    return first;
  }

  /** Returns the objects that a filter's id selects: all for "", one for an id or unique prefix, else none. */
  filter(id: string): Iterable<T> {
    if (id === "") return this.#byId.values();
    const exact = this.#byId.get(id);
    if (exact) return [exact];
    const found = [...this.#withPrefix(id)];
    return found.length === 1 ? found : [];
  }

  *#withPrefix(prefix: string): Generator<T> {
    for (const [id, object] of this.#byId) if (id.startsWith(prefix)) yield object;
  }
}
