import type { AdmissionCheck } from "../admission-check.js";
import { checkedRequest } from "./checked-request.js";

/** Refuses pods with the supplemental groups policy Strict where the runtime does not report that it has it. */
export const checkSupplementalGroups: AdmissionCheck = checkedRequest(
  "checkSupplementalGroups",
  ({ pod, node }) => {
    const isStrict = pod.spec.securityContext.supplementalGroupsPolicy === "Strict";
    if (!isStrict || node.status?.features?.supplementalGroupsPolicy) return undefined;
    return {
      reason: "SupplementalGroupsPolicyNotSupported",
      message: "SupplementalGroupsPolicy=Strict is not supported in this node",
    };
  },
);
