import type { SeriesRow } from "../messages.js";

/** The number of values of a plot in a row. */
export const seriesLength = 60;

/** The usage of one container over the last minutes: one value per step, and NaN where there is none. */
export class Series {
  readonly milliCores = new Float64Array(seriesLength).fill(Number.NaN);
  readonly memoryBytes = new Float64Array(seriesLength).fill(Number.NaN);
  readonly #stepMs: number;
  /** The step of the last value; its index is the step modulo the length. */
  #last: number;
  #readings = 0;
  readonly #ordered = new Map<"milliCores" | "memoryBytes", readonly number[]>();

  constructor(stepMs: number, at: number) {
    this.#stepMs = stepMs;
    this.#last = Math.floor(at / stepMs);
  }

  /** Fills it with the values that the server kept. */
  fill([, milliCores, memoryBytes]: SeriesRow): void {
    this.#ordered.clear();
    for (let back = 0; back < seriesLength; back++) {
      const index = this.#index(this.#last - back);
      this.milliCores[index] = milliCores.at(-1 - back) ?? Number.NaN;
      this.memoryBytes[index] = memoryBytes.at(-1 - back) ?? Number.NaN;
    }
    this.#readings = 1;
  }

  /** Adds a reading: the mean of the CPU usage of its step, and the maximum of the memory. */
  add(at: number, milliCores: number | null, memoryBytes: number | null): void {
    this.advance(at);
    this.#ordered.clear();
    const index = this.#index(this.#last);
    const before = this.milliCores[index] ?? Number.NaN;
    if (milliCores !== null) {
      const isFirst = Number.isNaN(before);
      this.#readings = isFirst ? 1 : this.#readings + 1;
      this.milliCores[index] = isFirst ? milliCores : before + (milliCores - before) / this.#readings;
    }
    if (memoryBytes !== null) {
      const peak = this.memoryBytes[index] ?? Number.NaN;
      this.memoryBytes[index] = Number.isNaN(peak) ? memoryBytes : Math.max(peak, memoryBytes);
    }
  }

  /** Moves on to the step of a time. */
  advance(at: number): void {
    const step = Math.floor(at / this.#stepMs);
    const missed = Math.min(step - this.#last, seriesLength);
    for (let n = 1; n <= missed; n++) {
      const index = this.#index(step - missed + n);
      this.milliCores[index] = Number.NaN;
      this.memoryBytes[index] = Number.NaN;
    }
    if (missed <= 0) return;
    this.#last = step;
    this.#ordered.clear();
  }

  /** Returns the values of one kind in the order of time: the same array until there is another value. */
  ordered(kind: "milliCores" | "memoryBytes"): readonly number[] {
    const known = this.#ordered.get(kind);
    if (known) return known;
    const first = this.#last - seriesLength + 1;
    const values = Array.from(
      { length: seriesLength },
      (_, n) => this[kind][this.#index(first + n)] ?? Number.NaN,
    );
    this.#ordered.set(kind, values);
    return values;
  }

  #index(step: number): number {
    return ((step % seriesLength) + seriesLength) % seriesLength;
  }
}
