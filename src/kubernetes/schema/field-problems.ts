import { closestMatch, describe, type Problem } from "../../core/index.js";
import type { FieldPath } from "./field-path.js";

/** The kinds of problems that API servers distinguish, and `unknown` for a field that does not exist. */
export type FieldProblemKind =
  | "required"
  | "invalid"
  | "duplicate"
  | "unsupported"
  | "forbidden"
  | "too-long"
  | "too-many"
  | "not-found"
  | "unknown";

/** A problem with a field of an object. */
export interface FieldProblem extends Problem {
  /** What kind of problem it is. */
  readonly kind: FieldProblemKind;
  /** As API servers write it: `spec.containers[1].image`. Empty for the object itself. */
  readonly path: string;
  /** Begins like the message of an API server: `Required value`, `Invalid value: "X": must be …`. */
  readonly message: string;
  /** The keys and indices of the path. */
  readonly steps: readonly (string | number)[];
}

/** Collects the problems of an object, in the order in which they are found. The words of the kinds are those of API servers. */
export class FieldProblems {
  readonly #list: FieldProblem[] = [];

  get list(): readonly FieldProblem[] {
    return this.#list;
  }

  get isEmpty(): boolean {
    return this.#list.length === 0;
  }

  /** A field that must be set. */
  required(path: FieldPath, detail?: string): void {
    this.#add("required", path, withDetail("Required value", detail));
  }

  /** A value that breaks a rule. */
  invalid(path: FieldPath, value: unknown, detail: string): void {
    this.#add("invalid", path, `Invalid value: ${shown(value)}: ${detail}`, value);
  }

  /** A value that breaks a rule and may be secret: no message shows it. */
  invalidSecret(path: FieldPath, detail: string): void {
    this.#add("invalid", path, `Invalid value: ${detail}`);
  }

  /** A value that occurs before in a list of unique ones. */
  duplicate(path: FieldPath, value: unknown): void {
    this.#add("duplicate", path, `Duplicate value: ${shown(value)}`, value);
  }

  /** A word that is not one of the allowed ones. */
  unsupported(path: FieldPath, value: unknown, allowed: Iterable<string>): void {
    const words = [...allowed];
    // Versions and amounts that look alike are no hints: they mean different things.
    const isWord = typeof value === "string" && /[A-Za-z]{3}/.test(value);
    const meant = isWord ? closestMatch(value, words) : undefined;
    const hint = meant === undefined ? "" : ` (did you mean ${JSON.stringify(meant)}?)`;
    const list = words.map((word) => JSON.stringify(word)).join(", ");
    const message = `Unsupported value: ${shown(value)}: supported values: ${list}${hint}`;
    this.#add("unsupported", path, message, value);
  }

  /** A field that must not be set here, or not together with others. */
  forbidden(path: FieldPath, detail: string): void {
    this.#add("forbidden", path, withDetail("Forbidden", detail));
  }

  /** A name that refers to nothing in the object. */
  notFound(path: FieldPath, value: unknown): void {
    this.#add("not-found", path, `Not found: ${shown(value)}`, value);
  }

  /** A string of more bytes than allowed. */
  tooLong(path: FieldPath, maxBytes: number): void {
    this.#add("too-long", path, `Too long: may not be more than ${maxBytes} bytes`);
  }

  /** A list of more items than allowed. */
  tooMany(path: FieldPath, count: number, max: number): void {
    this.#add("too-many", path, `Too many: ${count}: must have at most ${max} items`);
  }

  /** A field that the type does not have. */
  unknown(path: FieldPath, detail: string): void {
    this.#add("unknown", path, `Unknown field: ${detail}`);
  }

  #add(kind: FieldProblemKind, path: FieldPath, message: string, ...value: [value?: unknown]): void {
    const given = value.length > 0 ? { value: value[0] } : {};
    this.#list.push({ kind, path: path.toString(), message, steps: path.steps, ...given });
  }
}

function withDetail(words: string, detail: string | undefined): string {
  return detail === undefined ? words : `${words}: ${detail}`;
}

function shown(value: unknown): string {
  return typeof value === "bigint" ? String(value) : describe(value);
}
