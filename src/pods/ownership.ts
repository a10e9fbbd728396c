import type { PodSandbox } from "../../gen/runtime/v1/api_pb.js";
import { type CriError, criError, invalidOption } from "../core/index.js";
import { processState } from "./process-identity.js";

/** The label and the annotations by which this package finds what it created. */
export const ownerKeys = {
  /** Label: the owner, `ConnectOptions.pods.owner`. */
  owner: "cri-sdk/owner",
  /** Annotation: the identity of the process that created the object with `run`. Absent on what `ensure` created. */
  process: "cri-sdk/owner-process",
  /** Annotation: the hash of the spec that `ensure` created the object from. */
  hash: "cri-sdk/spec-hash",
} as const;

export const defaultOwner = "cri-sdk";

/** Returns the owner. Throws `invalid_option` for one that is not a valid label value. */
export function checkOwner(owner: string, path: string): string {
  if (/^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/.test(owner)) return owner;
  throw invalidOption(
    path,
    owner,
    "must be a label value: 1 to 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends",
  );
}

/** Returns whether a process created the object with `run` and has died since. */
export function isOrphan({ annotations }: Pick<PodSandbox, "annotations">): boolean {
  const identity = annotations[ownerKeys.process];
  return identity !== undefined && processState(identity) === "dead";
}

/** Returns whether the object is an orphan of this owner. */
export function isOrphanOf(owner: string, object: Pick<PodSandbox, "annotations" | "labels">): boolean {
  return object.labels[ownerKeys.owner] === owner && isOrphan(object);
}

/**
 * Creates the error for a name that another object has. `method` is the RPC that would fail on most runtimes; undefined when `ensure`
 * refuses the object of another owner.
 */
export function nameReservedError(
  endpoint: string,
  text: string,
  existingId: string,
  method?: "RunPodSandbox" | "CreateContainer",
): CriError {
  const hint = method
    ? "Call get(error.existingId) to use the existing object, or ensure() to adopt or replace it"
    : "Choose another name, or pass the owner of the existing object to connect() as `pods.owner`";
  return criError("name_reserved", text, { existingId, hint, endpoint, method });
}
