import { type ConformanceReport, type ConformanceResult, conformanceOutcomes } from "./report.js";

const signs = {
  passed: "ok",
  deviates: "known",
  skipped: "skip",
  "unexpected-pass": "PASS?",
  failed: "FAIL",
};

/** The report as text for a terminal: a line a case, what went wrong below it, and the counts at the end. */
export function formatTable(report: ConformanceReport): string {
  const { runtime, results, counts, durationMs, ok } = report;
  const idWidth = Math.max(0, ...results.map(({ id }) => id.length));
  const lines = results.flatMap((result) => linesOf(result, idWidth));
  const sums = conformanceOutcomes
    .filter((outcome) => counts[outcome] > 0)
    .map((outcome) => `${counts[outcome]} ${outcome}`)
    .join(", ");
  const seconds = (durationMs / 1000).toFixed(1);
  return [
    `${runtime.name} ${runtime.version}`,
    ...lines,
    `${ok ? "conforms" : "does NOT conform"}: ${sums || "no cases"} in ${seconds} s`,
    "",
  ].join("\n");
}

function linesOf(result: ConformanceResult, idWidth: number): string[] {
  const { id, outcome, durationMs, title, failure, deviation, unimplemented } = result;
  const line = `${signs[outcome].padEnd(5)} ${id.padEnd(idWidth)} ${`${durationMs} ms`.padStart(8)}  ${title}`;
  const below = (text: string) => text.split("\n").map((one) => `        ${one}`);
  switch (outcome) {
    case "passed":
      return [line];
    case "skipped":
      return [line, ...below(`${unimplemented} is unimplemented: ${deviation}`)];
    case "deviates":
      return [line, ...below(`${deviation}`)];
    case "unexpected-pass":
      return [line, ...below(`keeps the rule, but is known not to: ${deviation}`)];
    case "failed":
      return [line, ...below(`rule: ${result.rule}`), ...below(`${failure}`)];
  }
}
