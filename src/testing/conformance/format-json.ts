import type { ConformanceReport } from "./report.js";

/** The report as JSON, with the fields of {@link ConformanceReport}; times are ISO 8601. */
export function formatJson(report: ConformanceReport): string {
  return `${JSON.stringify(report, null, 2)}\n`;
}
