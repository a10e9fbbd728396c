import {
  checkArgument,
  hasFunctions,
  isKeyed,
  isRecord,
  type OptionCheck,
  option,
  optionError,
} from "../core/index.js";
import type { Cri } from "../cri.js";
import type { Container, Pod } from "./api/index.js";
import type { Clock } from "./worker/clock.js";
import type { ObservedPod } from "./worker/observed.js";

const podCheck: OptionCheck<Pod> = (value: unknown) =>
  isRecord(value) && isRecord(value.spec) && Array.isArray(value.spec.containers)
    ? undefined
    : "must be a Pod with `spec.containers`, such as `defaultPod(pod)` returns";

const observedCheck: OptionCheck<ObservedPod> = (value: unknown) =>
  isRecord(value) && Array.isArray(value.sandboxes) && Array.isArray(value.containers)
    ? undefined
    : "must be what `observedPod(sandboxes, containers)` returns";

const containerCheck: OptionCheck<Container> = (value: unknown) =>
  isKeyed(value) && typeof value.name === "string"
    ? undefined
    : "must be a container of the Pod, with its name";

/** The check of an object with fields, of which a promise or a map has none. */
export const keyed: OptionCheck<object> = (value: unknown) =>
  isKeyed(value) ? undefined : "must be an object";

/** The check of a time source. */
export const clockCheck: OptionCheck<Clock> = (value) => {
  const found = hasFunctions<Clock>("a clock, with the functions now and sleep", "now", "sleep")(value);
  if (found !== undefined || value.monotonicMs === undefined) return found;
  return typeof value.monotonicMs === "function" ? undefined : "has a monotonicMs that is not a function";
};

/** The check of a connection. */
export const criCheck: OptionCheck<Pick<Cri, "features" | "runtime">> = (value: unknown) =>
  isRecord(value) && typeof value.features === "function" && "runtime" in value
    ? undefined
    : "must be a connection, such as `await connect()` returns";

/** Throws `invalid_option` for anything but a Pod with containers. What is in it is the matter of `validatePod`. */
export function checkPodArgument(operation: string, pod: Pod): void {
  checkArgument(operation, "pod", pod, podCheck);
}

/** Throws `invalid_option` for anything but an object with a name. */
export function checkContainerArgument(operation: string, container: Container): void {
  checkArgument(operation, "container", container, containerCheck);
}

/** Throws `invalid_option` for anything but an observation. */
export function checkObservedArgument(operation: string, observed: ObservedPod): void {
  checkArgument(operation, "observed", observed, observedCheck);
}

/** Throws `invalid_option` for anything but a string, which may be empty. */
export function checkStringArgument(operation: string, name: string, value: string): void {
  checkArgument(operation, name, value, option.string);
}

/** Throws `invalid_option` for anything but a finite number. */
export function checkNumberArgument(operation: string, name: string, value: number): void {
  if (!Number.isFinite(value))
    throw optionError(operation, { path: `.${name}`, message: "must be a finite number", shown: [value] });
}
