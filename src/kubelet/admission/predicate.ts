import type { AdmissionRejection } from "../admission-check.js";

/** Returns the rejection by a predicate of the scheduler, whose name is the reason. */
export function predicateFailed(name: string, description: string): AdmissionRejection {
  return { reason: name, message: `Predicate ${name} failed: ${description}` };
}
