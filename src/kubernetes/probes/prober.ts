import type { Container, Probe } from "../api/index.js";
import type { Clock } from "../worker/clock.js";
import type {
  EventRecorder,
  PodProbes,
  ProbedContainer,
  ProbeState,
  ProbesFactory,
} from "../worker/ports.js";
import type { ProbeKind, ProbeRunner } from "./outcome.js";
import { ProbeWorker } from "./probe-worker.js";

/** What the probes of a pod use. */
interface ProberParts {
  readonly run: ProbeRunner;
  readonly clock: Clock;
  readonly record: EventRecorder;
  readonly onChange: () => void;
}

/** The state of a container that does not run: it has not started and is not ready. */
const notRunning: ProbeState = Object.freeze({
  startup: "unknown",
  liveness: "success",
  readiness: "failure",
});

/** Creates the factory of probes that are made by `run`: `probeRunner(cri.runtime)` for those of the kubelet. */
export function probesFactory(run: ProbeRunner): ProbesFactory {
  return (options) => new Prober({ ...options, run });
}

/** The probes of one pod: a worker for each probe of each running container. */
class Prober implements PodProbes {
  readonly #parts: ProberParts;
  readonly #containers = new Map<string, ContainerProbes>();
  #podIPs: readonly string[] = [];
  #isStopping = false;
  #isClosed = false;

  constructor(parts: ProberParts) {
    this.#parts = parts;
  }

  sync(_pod: unknown, running: readonly ProbedContainer[], podIPs: readonly string[]): void {
    if (this.#isClosed) return;
    this.#podIPs = podIPs;
    const ids = new Set(running.map(({ id }) => id));
    for (const [id, probes] of this.#containers) {
      if (ids.has(id)) continue;
      probes.close();
      this.#containers.delete(id);
    }
    for (const one of running) {
      if (this.#containers.has(one.id)) continue;
      const probes = new ContainerProbes(one, this.#parts, () => this.#podIPs);
      this.#containers.set(one.id, probes);
      if (this.#isStopping) probes.stopRestarting();
    }
  }

  state(containerId: string): ProbeState {
    return this.#containers.get(containerId)?.state ?? notRunning;
  }

  stopRestarting(): void {
    this.#isStopping = true;
    for (const probes of this.#containers.values()) probes.stopRestarting();
  }

  close(): void {
    this.#isClosed = true;
    for (const probes of this.#containers.values()) probes.close();
    this.#containers.clear();
  }
}

/** The result of a probe before the first one was made; without a probe, it is success. */
const initialResults: ProbeState = { startup: "unknown", liveness: "success", readiness: "unknown" };

/** The probes of one running container. */
class ContainerProbes {
  readonly #workers = new Map<ProbeKind, ProbeWorker>();
  readonly #onChange: () => void;
  #state: ProbeState;

  constructor(probed: ProbedContainer, parts: ProberParts, podIPs: () => readonly string[]) {
    const { container, id, startedAtMs } = probed;
    this.#onChange = parts.onChange;
    const probes = probesOf(container);
    const initial = (kind: ProbeKind) => (probes.has(kind) ? initialResults[kind] : "success");
    this.#state = {
      startup: initial("startup"),
      liveness: initial("liveness"),
      readiness: initial("readiness"),
    };
    const { run, clock, record } = parts;
    const target = () => ({ container, containerId: id, podIPs: podIPs() });
    const isStarted = () => this.#state.startup === "success";
    for (const [kind, probe] of probes) {
      const onResult = (result: "success" | "failure") => this.#set(kind, result);
      const common = { target, startedAtMs, run, clock, record, isStarted, onResult };
      this.#workers.set(kind, new ProbeWorker({ kind, probe, ...common }));
    }
  }

  get state(): ProbeState {
    return this.#state;
  }

  /** Ends the probes that restart a container, as if they had succeeded. */
  stopRestarting(): void {
    this.#workers.get("startup")?.stop();
    this.#workers.get("liveness")?.stop();
    // Not as the startup probe's own success, which would make the readiness probe start at once.
    this.#state = { ...this.#state, startup: "success", liveness: "success" };
  }

  close(): void {
    for (const worker of this.#workers.values()) worker.stop();
  }

  #set(kind: ProbeKind, result: "success" | "failure"): void {
    if (this.#state[kind] === result) return;
    this.#state = { ...this.#state, [kind]: result };
    // A container that has started should not wait for a whole period until it is ready.
    if (kind === "startup" && result === "success") this.#workers.get("readiness")?.trigger();
    this.#onChange();
  }
}

function probesOf({ startupProbe, livenessProbe, readinessProbe }: Container): ReadonlyMap<ProbeKind, Probe> {
  const all = [
    ["startup", startupProbe],
    ["liveness", livenessProbe],
    ["readiness", readinessProbe],
  ] as const;
  const probes = new Map<ProbeKind, Probe>();
  for (const [kind, probe] of all) if (probe) probes.set(kind, probe);
  return probes;
}
