import { CriError, describe, type Problem } from "./errors.js";
import { type CriErrorReason, criErrorReasons } from "./reasons.js";

/** The reasons of errors that list problems. */
export type ViolationReason = Extract<CriErrorReason, `invalid_${string}`>;

/** Collects all problems of an input, so that one error can list them. */
export class Violations {
  /** Created for the first problem: most inputs have none. */
  #problems: Problem[] | undefined;

  /** The problems in the order in which they were found. */
  get problems(): readonly Problem[] {
    return this.#problems ?? [];
  }

  get isEmpty(): boolean {
    return this.#problems === undefined;
  }

  /** Adds a problem with a field that is missing, or that must not be set. */
  add(path: string, message: string): void {
    this.addProblem({ path, message });
  }

  /** Adds a problem with a value; the message ends with the value: `must be 0 or more, got -1`. */
  addValue(path: string, message: string, value: unknown): void {
    this.addProblem({ path, message: `${message}, got ${describe(value)}`, value });
  }

  /** Adds a problem whose message is complete: the value is not appended to it, for values that may be secret. */
  addProblem(problem: Problem): void {
    this.#problems ??= [];
    this.#problems.push(problem);
  }

  /** Adds a problem unless `holds`, with the value where one is passed. Returns `holds`. */
  check(holds: boolean, path: string, message: string, ...value: [value?: unknown]): boolean {
    if (!holds) {
      if (value.length > 0) this.addValue(path, message, value[0]);
      else this.add(path, message);
    }
    return holds;
  }

  /** Returns one error that lists every problem: `<what>: <path>: <message>; ...`; undefined when there is none. */
  toError(reason: ViolationReason, what: string, hint?: string): CriError | undefined {
    if (this.isEmpty) return undefined;
    const list = this.problems
      .map(({ path, message }) => (path ? `${path}: ${message}` : message))
      .join("; ");
    const { code } = criErrorReasons[reason];
    return new CriError({
      code,
      reason,
      rawMessage: `${what}: ${list}`,
      problems: [...this.problems],
      hint,
    });
  }

  /** Throws the error of {@link toError}, if there is one. */
  throwIfAny(reason: ViolationReason, what: string, hint?: string): void {
    const error = this.toError(reason, what, hint);
    if (error) throw error;
  }
}
