import { CriError, describe, type Problem } from "../../core/index.js";

/** Takes down one thing that is wrong with a spec. */
export type Report = (problem: Problem) => void;

/** Reports a value that is there, and wrong: `must be 0 or more, got -1`. */
export function reportValue(report: Report, path: string, message: string, value: unknown): void {
  report({ path, message: `${message}, got ${describe(value)}`, value });
}

/**
 * Reads something, and throws one error with all that was reported while reading.
 *
 * @throws CriError `invalid_argument: invalid_spec`
 */
export function collecting<T>(what: string, read: (report: Report) => T): T {
  const problems: Problem[] = [];
  const result = read((problem) => problems.push(problem));
  if (problems.length === 0) return result;
  const list = problems.map(({ path, message }) => `${path} ${message}`).join("; ");
  throw new CriError({
    code: "invalid_argument",
    reason: "invalid_spec",
    text: `${what} cannot be used: ${list}`,
    problems,
  });
}
