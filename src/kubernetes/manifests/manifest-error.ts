import { type CriError, criError, type Problem, Violations } from "../../core/index.js";
import type { ManifestPlace } from "./parsed-manifests.js";

/** A problem of a manifest, with its place where it has one. */
export type PlacedProblem = Problem & { readonly place?: ManifestPlace };

/** Creates one error with all problems: `web.yaml is not a valid manifest: spec.nodeName: … (line 3, column 5); …`. */
export function manifestError(source: string, problems: readonly PlacedProblem[]): CriError {
  const violations = new Violations();
  for (const { place, ...problem } of problems) {
    const where = place === undefined ? "" : ` (line ${place.line}, column ${place.column})`;
    violations.addProblem({ ...problem, message: problem.message + where });
  }
  const what = `${source} is not a valid manifest`;
  return violations.toError("invalid_file", what) ?? criError("invalid_file", what);
}
