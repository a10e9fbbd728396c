/** What a metric means, and how it goes. */
export interface MetricInfo {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge";
}

/** One value of a metric, as it is written. */
export interface Series {
  readonly labels: readonly (readonly [name: string, value: string])[];
  /** A number in decimals; exact, where a number of JavaScript would not be. */
  readonly value: string;
  /** When it was read, in nanoseconds since 1970; 0 for now. */
  readonly atNanos: bigint;
}

/** A metric with all its values. */
export interface Family extends MetricInfo {
  readonly series: readonly Series[];
}

const metricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const labelName = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/;

/** Metrics by name. Takes no two values with the same labels, since Prometheus refuses a page that has them. */
export class Families {
  readonly #families = new Map<string, { readonly info: MetricInfo; readonly series: Map<string, Series> }>();

  /** Adds a value. False, and nothing is added, where it would break the page: a bad name, or one with the same labels. */
  add(info: MetricInfo, labels: Readonly<Record<string, string>>, value: string, atNanos = 0n): boolean {
    const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
    if (!metricName.test(info.name) || !sorted.every(([name]) => labelName.test(name))) return false;
    const family = this.#families.get(info.name) ?? { info, series: new Map<string, Series>() };
    this.#families.set(info.name, family);
    const key = JSON.stringify(sorted);
    if (family.info.type !== info.type || family.series.has(key)) return false;
    family.series.set(key, { labels: sorted, value, atNanos });
    return true;
  }

  /** All of them, by name, and their values by labels: the same things give the same page. */
  sorted(): Family[] {
    const byName = [...this.#families].sort(([a], [b]) => (a < b ? -1 : 1));
    return byName.map(([, { info, series }]) => ({
      ...info,
      series: [...series].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one),
    }));
  }
}

/** Nanoseconds as seconds in decimals, exactly. */
export function secondsText(nanos: bigint): string {
  const fraction = `${nanos % 1_000_000_000n}`.padStart(9, "0").replace(/0+$/, "");
  return `${nanos / 1_000_000_000n}${fraction && `.${fraction}`}`;
}
