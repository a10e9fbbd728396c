import type { Container, Probe } from "../api/index.js";

/** The kinds of probes of a container. */
export type ProbeKind = "startup" | "liveness" | "readiness";

/** What one probe found. A probe that could not be made throws instead. */
export interface ProbeOutcome {
  /** A warning counts as a success, and is reported as a `ProbeWarning`. */
  readonly result: "success" | "warning" | "failure";
  /** The end of the event's message: the output of the command, or why the connection failed. */
  readonly output: string;
}

/** The container that is probed. */
export interface ProbeTarget {
  readonly container: Container;
  /** The id of the running container. */
  readonly containerId: string;
  /** The addresses of the pod; those of the node for a pod in the host's network. Probes without a `host` connect to the first. */
  readonly podIPs: readonly string[];
}

/** Makes one probe. Rejects when it could not be made: that is neither a success nor a failure of the container. */
export type ProbeRunner = (
  probe: Probe,
  target: ProbeTarget,
  options: {
    /** The duration after which the probe has failed: `timeoutSeconds`, 1 s by default. */
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
  },
) => Promise<ProbeOutcome>;

/** The longest output of a command and the longest body of a response that are read: 10 KiB, as in the kubelet. */
export const outputLimitBytes = 10 * 1024;
