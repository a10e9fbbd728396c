import type { ProbeOutcome, ProbeRunner } from "../../../kubernetes/index.js";

/** The pod and the container that a probe is for. */
export interface ProbedContainer {
  readonly pod: string;
  readonly namespace: string;
  readonly podUid: string;
  readonly container: string;
}

/** The kinds of probes, as labels. */
type ProbeType = "Liveness" | "Readiness" | "Startup";

/** The results of probes, as labels. */
export type ProbeResult = "successful" | "failed" | "unknown";

/** One count of probes. */
export interface ProbeCount extends ProbedContainer {
  readonly type: ProbeType;
  readonly result: ProbeResult;
  readonly count: number;
}

/** Counts the probes of all pods: the series `prober_probe_total` of `/metrics/probes`. */
export class ProbeCounts {
  readonly #counts = new Map<string, ProbeCount>();

  /**
   * Returns a runner that counts what the given one finds for a pod.
   *
   * @param pod whose probes the runner makes
   */
  counted(runner: ProbeRunner, pod: Omit<ProbedContainer, "container">): ProbeRunner {
    return async (probe, target, options) => {
      const { name, livenessProbe, readinessProbe } = target.container;
      const type = probe === livenessProbe ? "Liveness" : probe === readinessProbe ? "Readiness" : "Startup";
      const count = (result: ProbeResult) => this.#add({ ...pod, container: name, type, result, count: 1 });
      let outcome: ProbeOutcome;
      try {
        outcome = await runner(probe, target, options);
      } catch (error) {
        if (!options.signal.aborted) count("unknown");
        throw error;
      }
      count(outcome.result === "failure" ? "failed" : "successful");
      return outcome;
    };
  }

  /** Forgets the counts of a pod that was removed. */
  forget(podUid: string): void {
    for (const [key, count] of this.#counts) if (count.podUid === podUid) this.#counts.delete(key);
  }

  /** Returns all counts. */
  all(): Iterable<ProbeCount> {
    return this.#counts.values();
  }

  #add(one: ProbeCount): void {
    const key = [one.podUid, one.container, one.type, one.result].join("/");
    const count = (this.#counts.get(key)?.count ?? 0) + 1;
    this.#counts.set(key, { ...one, count });
  }
}
