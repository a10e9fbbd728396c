/** The name, the help text and the type of a metric. */
export interface MetricInfo {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge";
}

/** A series: one value of a metric with its labels. */
export interface Series {
  readonly labels: readonly (readonly [name: string, value: string])[];
  /** The value as a decimal number, without the rounding of JavaScript's numbers. */
  readonly value: string;
  /** The time of the reading, in nanoseconds since 1970; 0 for the time of the scrape. */
  readonly atNanos: bigint;
}

/** A metric with all its series. */
export interface Family extends MetricInfo {
  readonly series: readonly Series[];
}

/** The format of a page of metrics. */
export type PrometheusFormat = "text" | "openmetrics";

/** The `Content-Type` of each format. */
export const prometheusContentTypes: Readonly<Record<PrometheusFormat, string>> = Object.freeze({
  text: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
});

const metricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const labelName = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/;

/** Metrics by name. It refuses a second series with the same labels, since Prometheus rejects a page with duplicates. */
export class Families {
  readonly #families = new Map<string, { readonly info: MetricInfo; readonly series: Map<string, Series> }>();

  /** Adds a series. Returns false, without adding it, when it has an invalid name, another type, or duplicate labels. */
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

  /** Returns all metrics by name, with their series by labels, so that equal data results in equal pages. */
  sorted(): Family[] {
    const byName = [...this.#families].sort(([a], [b]) => (a < b ? -1 : 1));
    return byName.map(([, { info, series }]) => ({
      ...info,
      series: [...series].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one),
    }));
  }
}

/** Formats a page of metrics: Prometheus' text format 0.0.4, or OpenMetrics 1.0. */
export function formatFamilies(
  families: readonly Family[],
  format: PrometheusFormat,
  timestamps: boolean,
): string {
  const isOpenMetrics = format === "openmetrics";
  const lines = families.flatMap((family) => {
    const { name, help, type, series } = family;
    // In OpenMetrics the family of a counter has no suffix but its series have "_total"; without the suffix the type is unknown.
    const isCounter = isOpenMetrics && type === "counter";
    const title = isCounter ? name.replace(/_total$/, "") : name;
    const kind = isCounter && title === name ? "unknown" : type;
    return [
      `# HELP ${title} ${isOpenMetrics ? escapeQuoted(help) : escapeText(help)}`,
      `# TYPE ${title} ${kind}`,
      ...series.map(
        (one) =>
          `${name}${formatLabels(one)} ${one.value}${timestamps ? formatTime(one, isOpenMetrics) : ""}`,
      ),
    ];
  });
  return [...lines, ...(isOpenMetrics ? ["# EOF"] : []), ""].join("\n");
}

/** Formats nanoseconds as seconds in decimals, exactly. */
export function formatSeconds(nanos: bigint): string {
  const fraction = `${nanos % 1_000_000_000n}`.padStart(9, "0").replace(/0+$/, "");
  return `${nanos / 1_000_000_000n}${fraction && `.${fraction}`}`;
}

function formatLabels({ labels }: Series): string {
  if (labels.length === 0) return "";
  return `{${labels.map(([name, value]) => `${name}="${escapeQuoted(value)}"`).join(",")}}`;
}

/** Formats a timestamp: milliseconds in Prometheus' text format, seconds in OpenMetrics. */
function formatTime({ atNanos }: Series, isOpenMetrics: boolean): string {
  if (atNanos === 0n) return "";
  return ` ${isOpenMetrics ? formatSeconds(atNanos) : atNanos / 1_000_000n}`;
}

function escapeText(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function escapeQuoted(text: string): string {
  return escapeText(text).replaceAll('"', '\\"');
}
