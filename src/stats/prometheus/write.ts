import { type Family, type Series, secondsText } from "./families.js";

/** How a page of metrics is written. */
export type PrometheusFormat = "text" | "openmetrics";

/** The `Content-Type` of each format. */
export const prometheusContentTypes: Readonly<Record<PrometheusFormat, string>> = Object.freeze({
  text: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
});

/** Writes metrics: the text format 0.0.4 of Prometheus, or OpenMetrics 1.0. */
export function writeFamilies(
  families: readonly Family[],
  format: PrometheusFormat,
  timestamps: boolean,
): string {
  const open = format === "openmetrics";
  const lines = families.flatMap((family) => {
    const { name, help, type, series } = family;
    // OpenMetrics names a counter without the ending that its values have, and knows none without it.
    const counter = open && type === "counter";
    const title = counter ? name.replace(/_total$/, "") : name;
    const kind = counter && title === name ? "unknown" : type;
    return [
      `# HELP ${title} ${open ? quoted(help) : escaped(help)}`,
      `# TYPE ${title} ${kind}`,
      ...series.map(
        (one) => `${name}${labelsText(one)} ${one.value}${timestamps ? timeText(one, open) : ""}`,
      ),
    ];
  });
  return [...lines, ...(open ? ["# EOF"] : []), ""].join("\n");
}

function labelsText({ labels }: Series): string {
  if (labels.length === 0) return "";
  return `{${labels.map(([name, value]) => `${name}="${quoted(value)}"`).join(",")}}`;
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function quoted(text: string): string {
  return escaped(text).replaceAll('"', '\\"');
}

/** Milliseconds in Prometheus' own format, seconds in OpenMetrics. */
function timeText({ atNanos }: Series, open: boolean): string {
  if (atNanos === 0n) return "";
  return ` ${open ? secondsText(atNanos) : atNanos / 1_000_000n}`;
}
