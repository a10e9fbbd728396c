import { CriError, type Problem } from "../core/index.js";
import type { Found, ValuePath } from "./read-message.js";

/** What was found, and where it stands in the text, where there is one: `3:5`. */
export interface Placed extends Found {
  readonly place?: string | undefined;
}

/** One error that lists everything that is wrong. */
export function invalidFile(what: string, found: readonly Placed[], hint?: string): CriError {
  const problems = found.map(toProblem);
  const list = problems.map(({ path, message }) => `${path ? `${path}: ` : ""}${message}`).join("; ");
  return new CriError({
    code: "invalid_argument",
    reason: "invalid_file",
    text: `cannot use ${what}: ${list}`,
    problems,
    hint,
  });
}

function toProblem({ path, message, value, place }: Placed): Problem {
  const [line, column] = place?.split(":") ?? [];
  const where = line === undefined ? "" : ` (line ${line}, column ${column})`;
  return { path: formatPath(path), message: `${message}${where}`, value };
}

/** `envs[0].value`, `labels["a.b"]`: as in the file, and as in JavaScript. */
function formatPath(path: ValuePath): string {
  return path
    .map((step, index) => {
      if (typeof step === "number") return `[${step}]`;
      if (!/^[A-Za-z_$][\w$]*$/.test(step)) return `[${JSON.stringify(step)}]`;
      return index === 0 ? step : `.${step}`;
    })
    .join("");
}
