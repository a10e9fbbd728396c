import type { SeriesRow, SeriesRows, UsageHistory } from "../messages.js";

/** How long usage is kept. */
export const historyMs = 10 * 60_000;
/** One value of the plots in rows. */
const stepMs = 10_000;

/** The readings of one container. NaN where a reading has no value. */
interface Readings {
  readonly milliCores: Float64Array;
  readonly memoryBytes: Float64Array;
}

/** The usage of all containers over the last minutes, in memory of a fixed size per container. */
export class History {
  readonly #length: number;
  readonly #times: Float64Array;
  readonly #readings = new Map<number, Readings>();
  /** The number of samples so far. Sample n is at index n modulo the length. */
  #count = 0;

  constructor(intervalMs: number) {
    this.#length = Math.ceil(historyMs / intervalMs);
    this.#times = new Float64Array(this.#length);
  }

  /** Adds a sample: the usage of all running containers by their key. */
  add(
    at: number,
    usage: ReadonlyMap<number, readonly [milliCores: number | null, memoryBytes: number | null]>,
  ): void {
    const index = this.#count % this.#length;
    this.#count++;
    this.#times[index] = at;
    for (const { milliCores, memoryBytes } of this.#readings.values()) {
      milliCores[index] = Number.NaN;
      memoryBytes[index] = Number.NaN;
    }
    for (const [key, [milliCores, memoryBytes]] of usage) {
      const readings = this.#readingsOf(key);
      readings.milliCores[index] = milliCores ?? Number.NaN;
      readings.memoryBytes[index] = memoryBytes ?? Number.NaN;
    }
  }

  /** Forgets a container that was removed. */
  delete(key: number): void {
    this.#readings.delete(key);
  }

  /** Returns all samples of a container. */
  of(key: number): UsageHistory {
    const readings = this.#readings.get(key);
    const indexes = this.#indexes();
    const pick = (values: Float64Array | undefined) => indexes.map((index) => orNull(values?.[index]));
    return {
      at: indexes.map((index) => this.#times[index] ?? 0),
      milliCores: pick(readings?.milliCores),
      memoryBytes: pick(readings?.memoryBytes),
    };
  }

  /** Returns one value per ten seconds of all containers: the mean of the CPU usage, and the maximum of the memory. */
  steps(): SeriesRows {
    const indexes = this.#indexes();
    const last = Math.floor((this.#times[indexes.at(-1) ?? 0] ?? 0) / stepMs);
    const length = historyMs / stepMs;
    const slots = indexes.map(
      (index) => length - 1 - (last - Math.floor((this.#times[index] ?? 0) / stepMs)),
    );
    const rows = [...this.#readings].map(([key, { milliCores, memoryBytes }]): SeriesRow => {
      const sums = new Float64Array(length);
      const counts = new Uint32Array(length);
      const peaks = new Array<number | null>(length).fill(null);
      indexes.forEach((index, n) => {
        const slot = slots[n] ?? -1;
        if (slot < 0) return;
        const cpu = milliCores[index] ?? Number.NaN;
        if (!Number.isNaN(cpu)) {
          sums[slot] = (sums[slot] ?? 0) + cpu;
          counts[slot] = (counts[slot] ?? 0) + 1;
        }
        const memory = orNull(memoryBytes[index]);
        if (memory !== null) peaks[slot] = Math.max(memory, peaks[slot] ?? 0);
      });
      const means = Array.from(sums, (sum, slot) =>
        counts[slot] ? Math.round(sum / (counts[slot] ?? 1)) : null,
      );
      const firstKnown = means.findIndex((mean, slot) => mean !== null || peaks[slot] !== null);
      const first = firstKnown < 0 ? length : firstKnown;
      return [key, means.slice(first), peaks.slice(first)];
    });
    return { stepMs, endAt: (last + 1) * stepMs, rows };
  }

  #readingsOf(key: number): Readings {
    const known = this.#readings.get(key);
    if (known) return known;
    const empty = () => new Float64Array(this.#length).fill(Number.NaN);
    const readings = { milliCores: empty(), memoryBytes: empty() };
    this.#readings.set(key, readings);
    return readings;
  }

  /** The indexes of the samples, the oldest first. */
  #indexes(): number[] {
    const first = Math.max(0, this.#count - this.#length);
    return Array.from({ length: this.#count - first }, (_, n) => (first + n) % this.#length);
  }
}

function orNull(value: number | undefined): number | null {
  return value === undefined || Number.isNaN(value) ? null : value;
}
