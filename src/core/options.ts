import { type CriError, criError, describe, type Problem } from "./errors.js";
import { isKeyed, isPromiseLike } from "./realms.js";
import { closestMatch } from "./suggestions.js";

/** A problem with a value. */
export interface OptionProblem {
  /** Where in the option: `.factor`, `[0]`; empty for the option itself. */
  readonly path: string;
  /** What the value must be: `must be 0 or more milliseconds`. */
  readonly message: string;
  /** The value, where an error may show it. */
  readonly shown?: readonly [value: unknown];
}

/**
 * Checks one value, which is never undefined. Returns undefined if it is valid, otherwise what it must be. A table demands checks that
 * take every type of their option, so that an enum value added to a type does not compile until its check knows it.
 */
export type OptionCheck<T> = (value: T) => string | OptionProblem | undefined;

/** The check of an option that must be given. */
export type RequiredCheck<T> = OptionCheck<T> & { readonly isRequired: true };

/** One check for every option of a type: a key added to the type does not compile until it is listed. */
export type OptionChecks<T> = {
  readonly [K in keyof T]-?: undefined extends T[K]
    ? OptionCheck<Exclude<T[K], undefined>>
    : RequiredCheck<T[K]>;
};

/** The options that one function takes, each with its check. */
export class OptionTable<T extends object> {
  /** The checks, to be spread into the table of a larger type. */
  readonly checks: OptionChecks<T>;
  readonly #byName: ReadonlyMap<string, OptionCheck<unknown>>;
  readonly #required: readonly string[];

  constructor(checks: OptionChecks<T>) {
    this.checks = checks;
    const entries = Object.entries(checks) as [string, OptionCheck<unknown>][];
    this.#byName = new Map(entries);
    this.#required = entries.filter(([, check]) => "isRequired" in check).map(([name]) => name);
  }

  /**
   * Throws `invalid_option` with every unknown option, missing one and invalid value; undefined is as good as absent.
   *
   * @param operation the function as its callers write it: `images.prune`; empty where the error gets the name of an RPC
   */
  check(operation: string, options: T | undefined): void {
    if (options === undefined && this.#required.length === 0) return;
    if (this.find(options) !== undefined) throw optionError(operation, ...this.problems(options));
  }

  /** Returns the first problem of a value, which may be of any type. The path of an option begins with a period. */
  find(options: unknown): OptionProblem | undefined {
    if (!isKeyed(options)) return { path: "", message: "must be an object", shown: [options] };
    // Inherited options count, too: they are read like own ones.
    for (const name in options) {
      const value = options[name];
      if (value === undefined) continue;
      const check = this.#byName.get(name);
      if (check === undefined || value === null || check(value) !== undefined)
        return this.#problemOf(name, value);
    }
    for (const name of this.#required)
      if (options[name] === undefined) return { path: optionPath(name), message: "is required" };
    return undefined;
  }

  /** Returns every problem of a value. */
  problems(options: unknown): OptionProblem[] {
    if (!isKeyed(options)) return [{ path: "", message: "must be an object", shown: [options] }];
    const names = new Set(this.#required);
    for (const name in options) names.add(name);
    return [...names].flatMap((name) => this.#problemOf(name, options[name]) ?? []);
  }

  #problemOf(name: string, value: unknown): OptionProblem | undefined {
    const path = optionPath(name);
    if (value === undefined)
      return this.#required.includes(name) ? { path, message: "is required" } : undefined;
    const check = this.#byName.get(name);
    if (check === undefined) return { path, message: `is not an option${this.#suggestion(name)}` };
    const found = value === null ? "must not be null" : check(value);
    return found === undefined ? undefined : within(path, found, value);
  }

  #suggestion(name: string): string {
    const meant = closestMatch(name, this.#byName.keys());
    if (meant !== undefined) return ` (did you mean ${meant}?)`;
    const names = [...this.#byName.keys()];
    return names.length <= 12 ? `; the options are ${names.join(", ")}` : "";
  }
}

/** Creates the error for problems with options or arguments: `operation: path message, got value; path message`. */
export function optionError(operation: string, ...problems: readonly OptionProblem[]): CriError {
  const listed = problems.map(({ path, message, shown }): Problem => {
    const value = shown === undefined ? {} : { value: shown[0] };
    return { path: path.replace(/^\./, "") || "options", message, ...value };
  });
  const texts = listed.map((problem) => {
    const value = "value" in problem ? `, got ${describe(problem.value)}` : "";
    return `${problem.path} ${problem.message}${value}`;
  });
  const isNotAwaited = problems.some(({ shown }) => shown !== undefined && isPromiseLike(shown[0]));
  return criError("invalid_option", `${operation && `${operation}: `}${texts.join("; ")}`, {
    problems: listed,
    hint: isNotAwaited ? "Await the promise" : undefined,
  });
}

/** Adds an option's path to the problem of its value. */
export function within(path: string, found: string | OptionProblem, value: unknown): OptionProblem {
  return typeof found === "string"
    ? { path, message: found, shown: [value] }
    : { ...found, path: path + found.path };
}

function optionPath(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
}
