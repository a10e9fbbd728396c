import { closestMatch, isKeyed, Violations } from "../../core/index.js";
import type { KubernetesNames } from "./kubernetes-names.js";

/** The field names of a type; for a union, those of every member. */
export type KeysOf<T> = T extends unknown ? Extract<keyof T, string> : never;

/** A check of a string. Returns what is wrong with it (`must be an absolute path`), or undefined. */
export type StringRule = (value: string) => string | undefined;

/**
 * Runs `read` and returns its result.
 *
 * @throws CriError `invalid_argument: invalid_spec` with every problem that `read` reported
 */
export function validated<T>(what: string, read: (violations: Violations) => T): T {
  const violations = new Violations();
  const result = read(violations);
  violations.throwIfAny("invalid_spec", what);
  return result;
}

/**
 * Reads the fields of one object of a spec by their types. The spec may come from JSON or from a caller without a compiler, so
 * every value is checked, and problems are reported under the field's path. A field that was not read before
 * {@link rejectUnknown} is unknown.
 */
export class Fields<T extends object> {
  readonly violations: Violations;
  readonly #path: string;
  readonly #object: Readonly<Record<string, unknown>>;
  /** Whether a value of another type was given, which is one problem: missing fields are not reported then. */
  readonly #isOtherType: boolean;
  readonly #read = new Set<string>();

  constructor(value: unknown, path: string, violations: Violations) {
    this.#path = path;
    this.violations = violations;
    this.#object = isObject(value) ? value : {};
    this.#isOtherType = value !== undefined && !isObject(value);
    if (this.#isOtherType) violations.addValue(path || "spec", "must be an object", value);
  }

  has(key: KeysOf<T>): boolean {
    return this.raw(key) !== undefined;
  }

  /** Returns the value unchecked. */
  raw(key: KeysOf<T>): unknown {
    this.#read.add(key);
    // Only own properties: a field named `toString` must not be found on Object's prototype.
    return Object.hasOwn(this.#object, key) ? this.#object[key] : undefined;
  }

  /** Returns a field's path from the root of the spec. */
  pathOf(key: KeysOf<T>): string {
    return this.#path ? `${this.#path}.${key}` : key;
  }

  /** Reports a problem with a field's value. */
  addProblem(key: KeysOf<T>, message: string): undefined {
    this.violations.addValue(this.pathOf(key), message, this.raw(key));
    return undefined;
  }

  /** Reports that a required field is missing. */
  addMissing(key: KeysOf<T>, what: string): void {
    if (!this.#isOtherType) this.violations.add(this.pathOf(key), `is required: ${what}`);
  }

  /** Reads a string that must be set and not empty. */
  requiredString(key: KeysOf<T>, what: string, rule: StringRule = anyString): string {
    if (!this.has(key)) this.addMissing(key, what);
    return this.string(key, (value) => (value === "" ? `must not be empty: ${what}` : rule(value))) ?? "";
  }

  string(key: KeysOf<T>, rule: StringRule = anyString): string | undefined {
    const value = this.raw(key);
    return value === undefined ? undefined : readString(value, this.pathOf(key), this.violations, rule);
  }

  boolean(key: KeysOf<T>): boolean {
    const value = this.raw(key);
    if (value !== undefined && typeof value !== "boolean") this.addProblem(key, "must be true or false");
    return value === true;
  }

  integer(key: KeysOf<T>, min: number, max: number): number | undefined {
    const value = this.raw(key);
    return value === undefined
      ? undefined
      : readInteger(value, this.pathOf(key), this.violations, { min, max });
  }

  /** Reads a string that is a key of `table`, and returns the value of that key. An error lists the keys, and then `otherForms`. */
  choice<V>(key: KeysOf<T>, table: Readonly<Record<string, V>>, otherForms = ""): V | undefined {
    const value = this.raw(key);
    if (value === undefined) return undefined;
    if (typeof value === "string" && Object.hasOwn(table, value)) return table[value];
    const allowed = Object.keys(table).map((word) => JSON.stringify(word));
    const meant = typeof value === "string" ? closestMatch(value, Object.keys(table)) : undefined;
    const hint = meant === undefined ? "" : didYouMean(JSON.stringify(meant));
    return this.addProblem(key, `must be ${allowed.join(" or ")}${otherForms}${hint}`);
  }

  /** Reads an array, each element under its path. Omits elements for which `read` returns undefined. */
  list<V>(key: KeysOf<T>, read: (value: unknown, path: string) => V | undefined): V[] {
    const value = this.raw(key);
    if (value === undefined) return [];
    if (!Array.isArray(value)) {
      this.addProblem(key, "must be an array");
      return [];
    }
    // Array.from also visits the holes of a sparse array, as undefined.
    return Array.from(value as unknown[], (element, index) =>
      read(element, `${this.pathOf(key)}[${index}]`),
    ).filter((element) => element !== undefined);
  }

  strings(key: KeysOf<T>, rule: StringRule = anyString): string[] {
    return this.list(key, (value, path) => readString(value, path, this.violations, rule));
  }

  /**
   * Reads a map, in the order in which it was written. Omits entries for which `read` returns undefined. The error for another value
   * ends with the example.
   */
  entries<V>(
    key: KeysOf<T>,
    read: (name: string, value: unknown, path: string) => V | undefined,
    example = "",
  ): [string, V][] {
    const value = this.raw(key);
    if (value === undefined) return [];
    if (!isObject(value)) {
      this.addProblem(key, `must be an object of keys and values${example && `, ${example}`}`);
      return [];
    }
    const entries: [string, V][] = [];
    for (const [name, member] of Object.entries(value)) {
      if (member === undefined) continue;
      const result = read(name, member, `${this.pathOf(key)}[${JSON.stringify(name)}]`);
      if (result !== undefined) entries.push([name, result]);
    }
    return entries;
  }

  /** Returns the reader of a nested object, or of an empty object if the field is not set. */
  nested<N extends object>(key: KeysOf<T>): Fields<N> {
    return new Fields<N>(this.raw(key), this.pathOf(key), this.violations);
  }

  /** Reports every field that was not read. `kubernetes` says what the fields of a Kubernetes Pod are called here. */
  rejectUnknown(kubernetes: KubernetesNames = {}): void {
    for (const key of Object.keys(this.#object)) {
      const value = this.#object[key];
      if (this.#read.has(key) || value === undefined) continue;
      const isName = /^[A-Za-z_$][\w$]*$/.test(key);
      const path = isName ? this.pathOf(key as KeysOf<T>) : `${this.#path || "spec"}[${JSON.stringify(key)}]`;
      if (Object.hasOwn(kubernetes, key)) {
        this.violations.addProblem({ path, message: `is not a known field; ${kubernetes[key]}`, value });
        continue;
      }
      const meant = closestMatch(key, this.#read);
      const hint = meant === undefined ? "" : didYouMean(meant);
      this.violations.addValue(path, `is not a known field${hint}`, value);
    }
  }
}

/** Returns the beginning of an error about a spec: `invalid spec of pod "web"`. */
export function invalidSpecOf(kind: "pod" | "container", spec: unknown): string {
  const name = isObject(spec) ? spec.name : undefined;
  return typeof name === "string" && name !== ""
    ? `invalid spec of ${kind} ${JSON.stringify(name)}`
    : `invalid ${kind} spec`;
}

/** Formats a suggestion for the middle of a message. */
export function didYouMean(word: string): string {
  return ` (did you mean ${word}?)`;
}

/** Reads a string. Reports one that protobuf cannot encode, and one with a NUL character, at which C code would stop. */
export function readString(
  value: unknown,
  path: string,
  violations: Violations,
  rule: StringRule = anyString,
): string | undefined {
  const message = typeof value === "string" ? problemOf(value, rule) : "must be a string";
  if (message !== undefined) violations.addValue(path, message, value);
  return message === undefined ? (value as string) : undefined;
}

/** Returns the problem with a string: characters that cannot be sent, or a violation of the rule. */
export function problemOf(value: string, rule: StringRule): string | undefined {
  if (value.includes("\0")) return "must not contain a NUL character";
  if (/\p{Surrogate}/u.test(value)) return "must be well-formed Unicode";
  return rule(value);
}

export function readInteger(
  value: unknown,
  path: string,
  violations: Violations,
  { min, max }: { readonly min: number; readonly max: number },
): number | undefined {
  if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) return value;
  violations.addValue(path, `must be an integer from ${min} to ${max}`, value);
  return undefined;
}

function anyString(): undefined {
  return undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return isKeyed(value);
}
