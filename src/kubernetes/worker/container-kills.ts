import type { Container } from "../api/index.js";
import { containerHash } from "../config/container-annotations.js";
import type { ObservedContainer } from "./observed.js";
import { type ProbeStates, probeStateOf } from "./probe-states.js";

/** Why a single container is killed. The grace period depends on it. */
export type KillReason = "livenessProbe" | "startupProbe" | "definitionChanged" | "unknownState" | "resized";

/** A running container, or one in an unknown state, to be stopped. */
export interface ContainerKill {
  /** The id of the instance. */
  readonly id: string;
  /** The name in the Pod. */
  readonly name: string;
  /** Why it is killed. */
  readonly reason: KillReason;
  /** The message of the event `Killing`, as the kubelet words it: people search for it. */
  readonly message: string;
}

const texts = {
  definitionChanged: "definition changed",
  livenessProbe: "failed liveness probe",
  startupProbe: "failed startup probe",
} as const;

/** Returns a kill for one of the reasons that running containers are killed for. */
export function killOf(
  { id, name }: ObservedContainer,
  reason: keyof typeof texts,
  { noun, restarts }: { readonly noun: "Container" | "Init container"; readonly restarts: boolean },
): ContainerKill {
  return {
    id,
    name,
    reason,
    message: `${noun} ${name} ${texts[reason]}${restarts ? ", will be restarted" : ""}`,
  };
}

/** Returns the kill that precedes the restart of a container in an unknown state: it may still run. */
export function unknownStateKill(
  { id, name }: ObservedContainer,
  noun: "Container" | "Init container",
): ContainerKill {
  const message = `${noun} is in "unknown" state, try killing it before restart`;
  return { id, name, reason: "unknownState", message };
}

/** Returns the kill of a container that gets new resources by a restart. */
export function resizeKill({ id, name }: ObservedContainer): ContainerKill {
  return { id, name, reason: "resized", message: `Container ${name} resize requires restart` };
}

/** Returns why a running regular container is killed, or undefined when it is kept. */
export function killReason(
  container: Container,
  instance: ObservedContainer,
  probes: ProbeStates,
): keyof typeof texts | undefined {
  if (hasChanged(container, instance)) return "definitionChanged";
  const { liveness, startup } = probeStateOf(container, instance.id, probes);
  if (liveness === "failure") return "livenessProbe";
  return startup === "failure" ? "startupProbe" : undefined;
}

/** Returns whether the name or image of a container changed since the instance was created. An instance without a hash counts as changed. */
export function hasChanged({ name, image = "" }: Container, { hash }: ObservedContainer): boolean {
  return hash !== containerHash(name, image);
}
