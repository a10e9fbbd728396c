import { CriError, describe, type Problem } from "../../../core/index.js";

/** Collects all that is wrong with an input, so that one error can name it all. */
export class Problems {
  readonly #found: Problem[] = [];

  /** Notes what is wrong with a value that is there. */
  wrong(path: string, message: string, value: unknown): void {
    this.#found.push({ path, message: `${message}, got ${describe(value)}`, value });
  }

  /** Notes that something is missing, or should not be there at all. */
  note(path: string, message: string): void {
    this.#found.push({ path, message });
  }

  /** Throws `invalid_option` when there are any. */
  throwIfAny(what: string): void {
    if (this.#found.length === 0) return;
    const list = this.#found.map(({ path, message }) => `${path}: ${message}`).join("; ");
    throw new CriError({
      code: "invalid_argument",
      reason: "invalid_option",
      text: `${what} cannot be used: ${list}`,
      problems: [...this.#found],
    });
  }
}

/** Whether a value is an object with keys, and no list. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
