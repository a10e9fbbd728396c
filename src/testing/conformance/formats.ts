import { checkArgument, type OptionCheck } from "../../core/index.js";
import { type ConformanceGroup, conformanceGroups } from "./case.js";
import { type ConformanceReport, type ConformanceResult, conformanceOutcomes } from "./report.js";

const reportCheck: OptionCheck<ConformanceReport> = (value) =>
  Array.isArray(value?.results) && Array.isArray(value.problems) && typeof value.runtime === "object"
    ? undefined
    : "must be a report, such as `await runConformance(target)` returns";

/** Formats a report as JSON with the fields of {@link ConformanceReport}; times are ISO 8601. */
export function formatJson(report: ConformanceReport): string {
  checkArgument("formatJson", "report", report, reportCheck);
  return `${JSON.stringify(report, null, 2)}\n`;
}

const labels = {
  passed: "ok",
  deviates: "known",
  skipped: "skip",
  "unexpected-pass": "PASS?",
  failed: "FAIL",
};

/** Formats a report as text for a terminal: a line per case with errors below it, and the counts at the end. */
export function formatTable(report: ConformanceReport): string {
  checkArgument("formatTable", "report", report, reportCheck);
  const { runtime, results, counts, durationMs, ok, problems } = report;
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
    ...problems.flatMap((problem) => indented(problem, "FAIL  ", "        ")),
    `${ok ? "conforms" : "does NOT conform"}: ${sums || "no cases"} in ${seconds} s`,
    "",
  ].join("\n");
}

function linesOf(result: ConformanceResult, idWidth: number): string[] {
  const { id, outcome, durationMs, title, failure, deviation, unimplemented } = result;
  const line = `${labels[outcome].padEnd(5)} ${id.padEnd(idWidth)} ${`${durationMs} ms`.padStart(8)}  ${title}`;
  const below = (text: string) => indented(text, "        ", "        ");
  switch (outcome) {
    case "passed":
      return [line];
    case "skipped":
      return [line, ...below(`${unimplemented} is unimplemented: ${deviation}`)];
    case "deviates":
      return [line, ...below(`${deviation}`)];
    case "unexpected-pass":
      return [line, ...below(`satisfies the rule despite a known deviation: ${deviation}`)];
    case "failed":
      return [line, ...below(`rule: ${result.rule}`), ...below(`${failure}`)];
  }
}

function indented(text: string, first: string, other: string): string[] {
  return text.split("\n").map((line, index) => `${index === 0 ? first : other}${line}`);
}

/** Formats a report as JUnit XML with a suite per group. Known deviations are skipped tests with the reason. */
export function formatJUnit(report: ConformanceReport): string {
  checkArgument("formatJUnit", "report", report, reportCheck);
  const { runtime, results, durationMs, startedAt, problems } = report;
  const name = `${runtime.name} ${runtime.version}`;
  const suites = conformanceGroups
    .filter((group) => results.some((result) => result.group === group))
    .map((group) => suiteOf(group, report));
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites${attributes({ name, ...tally(results), errors: problems.length, time: seconds(durationMs), timestamp: startedAt.toISOString() })}>
${suites.join("")}${problemSuite(problems)}</testsuites>
`;
}

function suiteOf(group: ConformanceGroup, { results, runtime }: ConformanceReport): string {
  const members = results.filter((result) => result.group === group);
  const time = seconds(members.reduce((sum, { durationMs }) => sum + durationMs, 0));
  const cases = members.map((result) => caseOf(result, `${runtime.name}.${group}`)).join("");
  return `  <testsuite${attributes({ name: group, ...tally(members), time })}>\n${cases}  </testsuite>\n`;
}

/** The problems of the run as a suite of their own, since JUnit has errors only in test cases. */
function problemSuite(problems: readonly string[]): string {
  if (problems.length === 0) return "";
  const count = { tests: problems.length, failures: 0, errors: problems.length, skipped: 0 };
  const cases = problems.map((problem) => {
    const message = problem.split("\n", 1)[0] ?? "";
    return `    <testcase${attributes({ name: message, classname: "run" })}>\n      <error${attributes({ message })}>${escapeXml(problem)}</error>\n    </testcase>\n`;
  });
  return `  <testsuite${attributes({ name: "run", ...count })}>\n${cases.join("")}  </testsuite>\n`;
}

function caseOf(result: ConformanceResult, classname: string): string {
  const { id, title, durationMs } = result;
  const head = `    <testcase${attributes({ name: `${id}: ${title}`, classname, time: seconds(durationMs) })}`;
  const verdict = verdictOf(result);
  return verdict ? `${head}>\n      ${verdict}\n    </testcase>\n` : `${head}/>\n`;
}

function verdictOf(result: ConformanceResult): string | undefined {
  const { outcome, rule, failure, deviation, unimplemented } = result;
  switch (outcome) {
    case "passed":
      return undefined;
    case "deviates":
      return `<skipped${attributes({ message: `known deviation: ${deviation}` })}/>`;
    case "skipped":
      return `<skipped${attributes({ message: `${unimplemented} is unimplemented: ${deviation}` })}/>`;
    case "unexpected-pass":
      return `<failure${attributes({ message: "unexpected pass" })}>${escapeXml(`known deviation: ${deviation}`)}</failure>`;
    case "failed":
      return `<failure${attributes({ message: failure?.split("\n", 1)[0] ?? "" })}>${escapeXml(`${failure}\nrule: ${rule}`)}</failure>`;
  }
}

function tally(results: readonly ConformanceResult[]) {
  const count = (...outcomes: readonly string[]) =>
    results.filter(({ outcome }) => outcomes.includes(outcome)).length;
  return {
    tests: results.length,
    failures: count("failed", "unexpected-pass"),
    errors: 0,
    skipped: count("deviates", "skipped"),
  };
}

function attributes(values: Readonly<Record<string, string | number>>): string {
  return Object.entries(values)
    .map(([name, value]) => ` ${name}="${escapeXml(`${value}`)}"`)
    .join("");
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\n": "&#10;",
};

/** Escapes text for XML; characters that XML forbids become U+FFFD. */
function escapeXml(text: string): string {
  return Array.from(text, (character) => {
    const code = character.codePointAt(0) ?? 0;
    const isForbidden =
      (code < 0x20 && !"\t\n\r".includes(character)) || (code >= 0xd800 && code <= 0xdfff) || code >= 0xfffe;
    return isForbidden && code < 0x1_0000 ? "\ufffd" : (entities[character] ?? character);
  }).join("");
}
