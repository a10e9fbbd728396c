/** The path of a field in an object, as Kubernetes writes it: `spec.containers[0].resources.limits[cpu]`. Immutable. */
export class FieldPath {
  readonly #parent: FieldPath | undefined;
  readonly #step: string | number;
  readonly #isKey: boolean;

  private constructor(parent: FieldPath | undefined, step: string | number, isKey: boolean) {
    this.#parent = parent;
    this.#step = step;
    this.#isKey = isKey;
  }

  /** The path of the object itself, which is empty. */
  static readonly root = new FieldPath(undefined, "", false);

  /** Returns the path of a field. */
  child(name: string): FieldPath {
    return new FieldPath(this, name, false);
  }

  /** Returns the path of an item of a list. */
  index(index: number): FieldPath {
    return new FieldPath(this, index, true);
  }

  /** Returns the path of an entry of a map, whose keys the author chooses. */
  key(key: string): FieldPath {
    return new FieldPath(this, key, true);
  }

  /** The keys and indices that lead to the field, the outermost first. */
  get steps(): readonly (string | number)[] {
    return this.#parent === undefined ? [] : [...this.#parent.steps, this.#step];
  }

  toString(): string {
    if (this.#parent === undefined) return "";
    const before = this.#parent.toString();
    if (this.#isKey) return `${before}[${this.#step}]`;
    return before === "" ? String(this.#step) : `${before}.${this.#step}`;
  }
}
