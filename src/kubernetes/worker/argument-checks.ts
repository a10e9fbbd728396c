import { checkArgument, isRecord, type OptionCheck } from "../../core/index.js";
import type { Pod } from "../api/index.js";
import type { ObservedPod } from "./observed.js";

const podCheck: OptionCheck<Pod> = (value: unknown) =>
  isRecord(value) && isRecord(value.spec) && Array.isArray(value.spec.containers)
    ? undefined
    : "must be a Pod with `spec.containers`, such as `defaultPod(pod)` returns";

const observedCheck: OptionCheck<ObservedPod> = (value: unknown) =>
  isRecord(value) && Array.isArray(value.sandboxes) && Array.isArray(value.containers)
    ? undefined
    : "must be what `observedPod(sandboxes, containers)` returns";

/** Throws `invalid_option` for anything but a Pod. What is in it is the matter of `validatePod`. */
export function checkPodArgument(operation: string, pod: Pod): void {
  checkArgument(operation, "pod", pod, podCheck);
}

/** Throws `invalid_option` for anything but an observation. */
export function checkObservedArgument(operation: string, observed: ObservedPod): void {
  checkArgument(operation, "observed", observed, observedCheck);
}
