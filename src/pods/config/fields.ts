import { describe, nearest, type Problem } from "../../core/index.js";
import { type Report, reportValue } from "./report.js";

/** The names of all fields of a type, of each member of a union. */
export type KeysOf<T> = T extends unknown ? Extract<keyof T, string> : never;

/** Says what is wrong with a text, or nothing: `must be an absolute path`. */
export type TextRule = (text: string) => string | undefined;

/**
 * The fields of one object of a spec, as somebody wrote it who may not have a compiler: each is read by its kind, and what is
 * wrong is reported under its path. A field that nobody has read by {@link end} is unknown.
 */
export class Fields<T extends object> {
  readonly report: Report;
  readonly #path: string;
  readonly #object: Readonly<Record<string, unknown>>;
  /** Something else stands in its place, so that it is no wonder that it has no fields. */
  readonly #isNone: boolean;
  readonly #asked = new Set<string>();

  constructor(value: unknown, path: string, report: Report) {
    this.#path = path;
    this.report = report;
    this.#object = isObject(value) ? value : {};
    this.#isNone = value !== undefined && !isObject(value);
    if (this.#isNone) reportValue(report, path || "spec", "must be an object", value);
  }

  /** Whether it is there at all. */
  has(key: KeysOf<T>): boolean {
    return this.raw(key) !== undefined;
  }

  /** As it is. */
  raw(key: KeysOf<T>): unknown {
    this.#asked.add(key);
    // Only what was written: a spec named `toString` has none from Object's prototype.
    return Object.hasOwn(this.#object, key) ? this.#object[key] : undefined;
  }

  /** Where a field is, in the user's words. */
  pathOf(key: KeysOf<T>): string {
    return this.#path ? `${this.#path}.${key}` : key;
  }

  /** Reports that a field is wrong, with its value. */
  wrong(key: KeysOf<T>, message: string): undefined {
    reportValue(this.report, this.pathOf(key), message, this.raw(key));
    return undefined;
  }

  /** Reports that a field is not there. */
  missing(key: KeysOf<T>, what: string): undefined {
    if (!this.#isNone) this.report({ path: this.pathOf(key), message: `is missing: ${what}` });
    return undefined;
  }

  /** A string that is there, and is not empty. */
  required(key: KeysOf<T>, what: string, rule: TextRule = anyText): string {
    if (!this.has(key)) this.missing(key, what);
    return this.text(key, (text) => (text === "" ? `must not be empty: ${what}` : rule(text))) ?? "";
  }

  text(key: KeysOf<T>, rule: TextRule = anyText): string | undefined {
    const value = this.raw(key);
    return value === undefined ? undefined : readText(value, this.pathOf(key), this.report, rule);
  }

  flag(key: KeysOf<T>): boolean {
    const value = this.raw(key);
    if (value !== undefined && typeof value !== "boolean") this.wrong(key, "must be true or false");
    return value === true;
  }

  /** A whole number within these bounds. */
  whole(key: KeysOf<T>, least: number, most: number): number | undefined {
    const value = this.raw(key);
    return value === undefined ? undefined : readWhole(value, this.pathOf(key), this.report, { least, most });
  }

  /** One of the words of a table, as what it stands for. `besides` names what else it may be. */
  choice<V>(key: KeysOf<T>, table: Readonly<Record<string, V>>, besides = ""): V | undefined {
    const value = this.raw(key);
    if (value === undefined) return undefined;
    if (typeof value === "string" && Object.hasOwn(table, value)) return table[value];
    const words = Object.keys(table);
    const meant = typeof value === "string" ? nearest(value, words) : undefined;
    const message = `must be ${words.map((word) => JSON.stringify(word)).join(" or ")}${besides}`;
    const hint = meant === undefined ? "" : `; did you mean ${JSON.stringify(meant)}?`;
    this.report({ path: this.pathOf(key), message: `${message}, got ${describe(value)}${hint}`, value });
    return undefined;
  }

  /** A list, each member read under its path; wrong ones are left out. */
  list<V>(key: KeysOf<T>, read: (value: unknown, path: string) => V | undefined): V[] {
    const value = this.raw(key);
    if (value === undefined) return [];
    if (!Array.isArray(value)) {
      this.wrong(key, "must be a list");
      return [];
    }
    // A hole in a list is one that is not there.
    return Array.from(value as unknown[], (member, index) =>
      read(member, `${this.pathOf(key)}[${index}]`),
    ).filter((member) => member !== undefined);
  }

  texts(key: KeysOf<T>, rule: TextRule = anyText): string[] {
    return this.list(key, (value, path) => readText(value, path, this.report, rule));
  }

  /** Names and what they stand for, in the order they were written. */
  entries<V>(
    key: KeysOf<T>,
    read: (name: string, value: unknown, path: string) => V | undefined,
  ): [string, V][] {
    const value = this.raw(key);
    if (value === undefined) return [];
    if (!isObject(value)) {
      this.wrong(key, "must be an object of names and values");
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

  /** An object in this one; one without fields where there is none. */
  nested<N extends object>(key: KeysOf<T>): Fields<N> {
    return new Fields<N>(this.raw(key), this.pathOf(key), this.report);
  }

  /** Every field was read: what is left is unknown. */
  end(): void {
    for (const key of Object.keys(this.#object)) {
      if (this.#asked.has(key) || this.#object[key] === undefined) continue;
      const meant = nearest(key, this.#asked);
      const message = `is not a field here${meant === undefined ? "" : `; did you mean ${meant}?`}`;
      const name = /^[A-Za-z_$][\w$]*$/.test(key);
      const path = name ? this.pathOf(key as KeysOf<T>) : `${this.#path || "spec"}[${JSON.stringify(key)}]`;
      this.report({ path, message, value: this.#object[key] } satisfies Problem);
    }
  }
}

/** What is read, in the words of an error: `The spec of the pod "web"`. */
export function specName(kind: "pod" | "container", spec: unknown): string {
  const name = isObject(spec) ? spec.name : undefined;
  return typeof name === "string" && name !== ""
    ? `The spec of the ${kind} ${describe(name)}`
    : `The spec of a ${kind}`;
}

/** A string that protobuf can carry, and that a C library reads to its end. */
export function readText(
  value: unknown,
  path: string,
  report: Report,
  rule: TextRule = anyText,
): string | undefined {
  const wrong = (message: string) => reportValue(report, path, message, value);
  if (typeof value !== "string") wrong("must be a string");
  else if (value.includes("\0")) wrong("must not have a NUL character");
  else if (/\p{Surrogate}/u.test(value)) wrong("must be well-formed Unicode");
  else {
    const message = rule(value);
    if (message === undefined) return value;
    wrong(message);
  }
  return undefined;
}

/** A whole number within bounds. */
export function readWhole(
  value: unknown,
  path: string,
  report: Report,
  { least, most }: { readonly least: number; readonly most: number },
): number | undefined {
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
  reportValue(report, path, `must be a whole number from ${least} to ${most}`, value);
  return undefined;
}

function anyText(): undefined {
  return undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
  );
}
