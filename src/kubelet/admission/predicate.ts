import type { AdmissionRejection } from "../admission-check.js";

/** Returns the rejection of a check that schedulers make, too. Its name is the reason. */
export function predicateFailed(name: string, description: string): AdmissionRejection {
  return { reason: name, message: `Predicate ${name} failed: ${description}` };
}
