import { checkArgument, isRecord, type OptionCheck } from "../../core/index.js";
import type { AdmissionCheck, AdmissionRequest } from "../admission-check.js";

const requestCheck: OptionCheck<AdmissionRequest> = (value: unknown) =>
  isRecord(value) &&
  isRecord(value.pod) &&
  isRecord(value.pod.metadata) &&
  isRecord(value.pod.spec) &&
  isRecord(value.node) &&
  Array.isArray(value.others)
    ? undefined
    : "must have a `pod` with its defaults, a `node` and a list of `others`";

/** Returns a check that throws `invalid_option` when programs call it with anything but a request. */
export function checkedRequest(operation: string, check: AdmissionCheck): AdmissionCheck {
  return (request) => {
    checkArgument(operation, "request", request, requestCheck);
    return check(request);
  };
}
