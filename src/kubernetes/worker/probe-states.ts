import type { Container } from "../api/index.js";
import type { ProbeState } from "./ports.js";

/** Returns what the probes of this instance report, by the id of the container; undefined when none ran yet. */
export type ProbeStates = (containerId: string) => ProbeState | undefined;

/** Returns the state of an instance's probes. A container without a probe of a kind has success for it; before the first run, liveness is success. */
export function probeStateOf(container: Container, containerId: string, probes: ProbeStates): ProbeState {
  const state = probes(containerId);
  const { startupProbe, livenessProbe, readinessProbe } = container;
  return {
    startup: startupProbe === undefined ? "success" : (state?.startup ?? "unknown"),
    liveness: livenessProbe === undefined ? "success" : (state?.liveness ?? "success"),
    readiness: readinessProbe === undefined ? "success" : (state?.readiness ?? "unknown"),
  };
}
