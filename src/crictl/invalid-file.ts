import { type CriError, criError, type Problem, Violations } from "../core/index.js";
import type { Location, ValuePath } from "../yaml-text/index.js";
import type { ValueProblem } from "./read-message.js";

/** A problem with its location, for values that come from a text. */
export interface LocatedProblem extends ValueProblem {
  readonly location?: Location | undefined;
}

/** Creates one error that lists all problems: `<what>: <path>: <message> (line 3, column 5); ...`. */
export function invalidFile(what: string, found: readonly LocatedProblem[], hint?: string): CriError {
  const violations = new Violations();
  for (const problem of found) violations.addProblem(toProblem(problem));
  return violations.toError("invalid_file", what, hint) ?? criError("invalid_file", what, { hint });
}

function toProblem({ path, message, value, location }: LocatedProblem): Problem {
  const where = location ? ` (line ${location.line}, column ${location.column})` : "";
  return { path: formatPath(path), message: `${message}${where}`, value };
}

/** Formats a path with the names of the file in the syntax of JavaScript: `envs[0].value`, `labels["a.b"]`. */
function formatPath(path: ValuePath): string {
  return path
    .map((step, index) => {
      if (typeof step === "number") return `[${step}]`;
      if (!/^[A-Za-z_$][\w$]*$/.test(step)) return `[${JSON.stringify(step)}]`;
      return index === 0 ? step : `.${step}`;
    })
    .join("");
}
