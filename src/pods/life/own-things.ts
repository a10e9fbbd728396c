import type { PodSandbox } from "../../../gen/runtime/v1/api_pb.js";
import { CriError } from "../../core/index.js";
import { cgroupParent, podLogDirectory } from "../config/index.js";
import { cgroupRoot } from "../host-files.js";
import type { PodKit } from "../kit.js";
import { lifeOf, ownerKeys } from "../owner.js";
import type { PodFacts } from "../pod-facts.js";
import type { GoingPod } from "./remove.js";

/** Whether something was bound to a process, and that one is dead. */
export function isOrphan({ annotations }: Pick<PodSandbox, "annotations">): boolean {
  const process = annotations[ownerKeys.process];
  return process !== undefined && lifeOf(process) === "dead";
}

/** The same, of something of this connection's owner. */
export function isOwnOrphan(
  { owner }: Pick<PodKit, "owner">,
  thing: Pick<PodSandbox, "annotations" | "labels">,
): boolean {
  return thing.labels[ownerKeys.owner] === owner && isOrphan(thing);
}

/** Somebody alive has the name. With a method, what that RPC would answer, and not every runtime does. */
export function nameReserved(
  { endpoint }: Pick<PodKit, "endpoint">,
  text: string,
  existingId: string,
  method?: "RunPodSandbox" | "CreateContainer",
): CriError {
  const hint = "get(existingId) gives it; ensure() adopts what it can";
  const known = { text, existingId, hint, endpoint, method };
  return new CriError({ code: "already_exists", reason: "name_reserved", ...known });
}

/**
 * What there is to remove of a pod that was found: for one of our own also logs and cgroup, where a connection with the same
 * options put them; of others, only what the runtime has.
 */
export function foundGoingPod(
  kit: Pick<PodKit, "logRoot">,
  facts: Pick<PodFacts, "id" | "name" | "namespace" | "uid" | "labels">,
): GoingPod {
  const { id: podSandboxId, uid } = facts;
  if (facts.labels[ownerKeys.owner] === undefined || uid === "")
    return { podSandboxId, metadata: undefined, logDirectory: undefined, cgroupParent: undefined };
  return {
    podSandboxId,
    metadata: facts,
    logDirectory: podLogDirectory(kit.logRoot, facts),
    cgroupParent: cgroupParent({ uid, driver: "cgroupfs", root: cgroupRoot }),
  };
}
