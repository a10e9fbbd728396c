import type { MetThreshold } from "./policy.js";
import { type NodePressures, type Observations, signalRules } from "./signals.js";
import { metThreshold, type Threshold } from "./thresholds.js";

/** Tracks which thresholds are met, since when, and the resulting pressures. Times are milliseconds on one clock. */
export class MetThresholds {
  readonly #thresholds: readonly Threshold[];
  readonly #transitionMs: number;
  /** The thresholds that were met for their grace periods. Each stays met until its minimum is reclaimed as well. */
  #due = new Set<Threshold>();
  #metSinceMs = new Map<Threshold, number>();
  readonly #pressureMs = new Map<keyof NodePressures, number>();
  #pressures: NodePressures = { memory: false, disk: false, pid: false };

  constructor(thresholds: readonly Threshold[], transitionMs: number) {
    this.#thresholds = thresholds;
    this.#transitionMs = transitionMs;
  }

  get pressures(): NodePressures {
    return this.#pressures;
  }

  /** Takes a measurement. Returns the thresholds for which pods are evicted now, those of memory first. */
  update(nowMs: number, observations: Observations): readonly MetThreshold[] {
    const met = new Map<Threshold, MetThreshold>();
    for (const threshold of this.#thresholds) {
      const found = metThreshold(threshold, observations, this.#due.has(threshold));
      if (found) met.set(threshold, found);
    }
    this.#metSinceMs = new Map([...met.keys()].map((one) => [one, this.#metSinceMs.get(one) ?? nowMs]));
    for (const { signal } of met.keys()) this.#pressureMs.set(signalRules[signal].pressure, nowMs);
    const isPresent = (pressure: keyof NodePressures) => {
      const ageMs = nowMs - (this.#pressureMs.get(pressure) ?? Number.NEGATIVE_INFINITY);
      return ageMs === 0 || ageMs < this.#transitionMs;
    };
    this.#pressures = { memory: isPresent("memory"), disk: isPresent("disk"), pid: isPresent("pid") };
    const due = [...met].filter(([one]) => nowMs - (this.#metSinceMs.get(one) ?? nowMs) >= one.graceMs);
    this.#due = new Set(due.map(([threshold]) => threshold));
    const isMemory = ({ signal }: MetThreshold) => Number(signalRules[signal].pressure === "memory");
    return due.map(([, found]) => found).sort((one, other) => isMemory(other) - isMemory(one));
  }

  /** Reports whether none of these thresholds is still met, including their minimums to reclaim. */
  areResolved(observations: Observations): boolean {
    return [...this.#due].every((threshold) => metThreshold(threshold, observations, true) === undefined);
  }
}
