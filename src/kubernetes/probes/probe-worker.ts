import { rawMessageOf } from "../../core/index.js";
import type { Probe } from "../api/index.js";
import { type Clock, steadyMs } from "../worker/clock.js";
import type { EventRecorder } from "../worker/ports.js";
import type { ProbeKind, ProbeOutcome, ProbeRunner, ProbeTarget } from "./outcome.js";

/** A probe that could not be made is repeated at once, so many attempts in all. */
const attempts = 3;

/** What one worker uses. */
export interface ProbeWorkerParts {
  readonly kind: ProbeKind;
  readonly probe: Probe;
  /** The container, as it is known at the time of a probe. */
  readonly target: () => ProbeTarget;
  readonly startedAtMs: number;
  readonly run: ProbeRunner;
  readonly clock: Clock;
  readonly record: EventRecorder;
  /** Whether the startup probe has succeeded; without one, always. */
  readonly isStarted: () => boolean;
  /** Called when the threshold of a result is reached, again and again while the result stays the same. */
  readonly onResult: (result: "success" | "failure") => void;
}

/** The numbers of a probe, in seconds, with the API server's defaults. */
function numbersOf({ periodSeconds, timeoutSeconds, initialDelaySeconds, ...thresholds }: Probe) {
  return {
    periodMs: Math.max(1, periodSeconds ?? 10) * 1_000,
    timeoutMs: Math.max(1, timeoutSeconds ?? 1) * 1_000,
    initialDelayMs: Math.max(0, initialDelaySeconds ?? 0) * 1_000,
    successThreshold: thresholds.successThreshold ?? 1,
    failureThreshold: thresholds.failureThreshold ?? 3,
  };
}

/**
 * One probe of one running container, made each `periodSeconds` by the clock, from the start of the worker. A probe is left out while
 * `initialDelaySeconds` since the start of the container have not passed, and, except for the startup probe, while the container has not
 * started. When a probe takes longer than the period, the next one follows at once, and the one after it at the next time of the period.
 *
 * The worker ends by itself after the first result of a startup probe and after the failure of a liveness probe: then the container
 * restarts, and has a new worker.
 */
export class ProbeWorker {
  readonly #parts: ProbeWorkerParts;
  readonly #numbers: ReturnType<typeof numbersOf>;
  readonly #startedMs: number;
  readonly #stop = new AbortController();
  /** Ends the wait for the next probe. */
  #wake = new AbortController();
  #isTriggered = false;
  #last: "success" | "failure" | undefined;
  #inRow = 0;

  constructor(parts: ProbeWorkerParts) {
    this.#parts = parts;
    this.#numbers = numbersOf(parts.probe);
    this.#startedMs = steadyMs(parts.clock);
    void this.#loop();
  }

  /** Makes a probe now. The periods count from now on. */
  trigger(): void {
    this.#isTriggered = true;
    this.#wake.abort();
  }

  /** Ends the worker, and cancels the probe that is running. */
  stop(): void {
    this.#stop.abort();
    this.#wake.abort();
  }

  async #loop(): Promise<void> {
    const { clock } = this.#parts;
    const { periodMs } = this.#numbers;
    let dueMs = this.#startedMs;
    while (!this.#stop.signal.aborted) {
      await this.#tick();
      dueMs += periodMs;
      await this.#sleepUntil(dueMs);
      const nowMs = steadyMs(clock);
      if (this.#isTriggered) dueMs = nowMs;
      // Of the times that passed during a probe, only the last one counts.
      else if (nowMs > dueMs) dueMs += Math.floor((nowMs - dueMs) / periodMs) * periodMs;
      this.#isTriggered = false;
    }
  }

  async #sleepUntil(timeMs: number): Promise<void> {
    this.#wake = new AbortController();
    if (this.#isTriggered || this.#stop.signal.aborted) return;
    const leftMs = timeMs - steadyMs(this.#parts.clock);
    if (leftMs > 0) await this.#parts.clock.sleep(leftMs, this.#wake.signal).catch(() => undefined);
  }

  async #tick(): Promise<void> {
    const { kind, clock, startedAtMs, isStarted, onResult } = this.#parts;
    const { initialDelayMs, successThreshold, failureThreshold } = this.#numbers;
    // A clock that was set back must not hold probes up: the start of the container is in the future then.
    const sinceStartMs = Math.max(clock.now() - startedAtMs, steadyMs(clock) - this.#startedMs);
    if (sinceStartMs < initialDelayMs) return;
    if (kind !== "startup" && !isStarted()) return;
    const result = await this.#probe();
    if (result === undefined || this.#stop.signal.aborted) return;
    this.#inRow = this.#last === result ? this.#inRow + 1 : 1;
    this.#last = result;
    if (this.#inRow < (result === "success" ? successThreshold : failureThreshold)) return;
    const isFinal = kind === "startup" || (kind === "liveness" && result === "failure");
    if (isFinal) this.stop();
    onResult(result);
  }

  /** Makes one probe, and records what is worth an event. Returns undefined when it could not be made. */
  async #probe(): Promise<"success" | "failure" | undefined> {
    const { kind, record } = this.#parts;
    const { container } = this.#parts.target();
    const name = `${kind.slice(0, 1).toUpperCase()}${kind.slice(1)} probe`;
    const report = (reason: string, text: string) =>
      record({ type: "Warning", reason, message: `${name} ${text}`, container: container.name });
    let outcome: ProbeOutcome;
    try {
      outcome = await this.#attempt();
    } catch (error) {
      if (!this.#stop.signal.aborted)
        report("Unhealthy", `errored and resulted in unknown state: ${rawMessageOf(error)}`);
      return undefined;
    }
    if (this.#stop.signal.aborted) return undefined;
    if (outcome.result === "failure") report("Unhealthy", `failed: ${outcome.output}`);
    if (outcome.result === "warning") report("ProbeWarning", `warning: ${outcome.output}`);
    return outcome.result === "failure" ? "failure" : "success";
  }

  async #attempt(): Promise<ProbeOutcome> {
    const { run, probe, target } = this.#parts;
    for (let attempt = 1; ; attempt++)
      try {
        const { signal } = this.#stop;
        return await run(probe, target(), { timeoutMs: this.#numbers.timeoutMs, signal });
      } catch (error) {
        if (attempt >= attempts || this.#stop.signal.aborted) throw error;
      }
  }
}
