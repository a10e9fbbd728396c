import { isCriError, rawMessageOf } from "../../core/index.js";
import type { DefaultedPod } from "../../kubernetes/index.js";
import type { AdmissionRejection } from "../admission-check.js";

/** The reason of Pods that are not valid for this kubelet. */
export const unsupportedReason = "FailedValidation";

/** Why a Pod that is not valid is refused. Sysctls that are not allowed have the kubelet's own reason; nothing else reaches a real one. */
export function refusalOf(error: unknown, { spec }: DefaultedPod): AdmissionRejection {
  const problems = (isCriError(error) && error.problems) || [];
  const forbidden = problems.map(({ path, message }) => {
    const [, index] = /^spec\.securityContext\.sysctls\[(\d+)\]\.name$/.exec(path) ?? [];
    return message.startsWith("Forbidden: ") && index !== undefined
      ? spec.securityContext.sysctls?.[Number(index)]?.name
      : undefined;
  });
  const [first] = forbidden;
  return first === undefined || forbidden.includes(undefined)
    ? { reason: unsupportedReason, message: rawMessageOf(error) }
    : { reason: "SysctlForbidden", message: `forbidden sysctl: ${JSON.stringify(first)} not allowlisted` };
}
