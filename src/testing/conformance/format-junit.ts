import { type ConformanceGroup, conformanceGroups } from "./case.js";
import type { ConformanceReport, ConformanceResult } from "./report.js";

/** The report as JUnit XML: a test suite a group. Known deviations are skipped tests, with the reason. */
export function formatJUnit(report: ConformanceReport): string {
  const { runtime, results, durationMs, startedAt } = report;
  const name = `${runtime.name} ${runtime.version}`;
  const suites = conformanceGroups
    .filter((group) => results.some((result) => result.group === group))
    .map((group) => suiteOf(group, report));
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites${attributes({ name, ...tally(results), time: seconds(durationMs), timestamp: startedAt.toISOString() })}>
${suites.join("")}</testsuites>
`;
}

function suiteOf(group: ConformanceGroup, { results, runtime }: ConformanceReport): string {
  const members = results.filter((result) => result.group === group);
  const time = seconds(members.reduce((sum, { durationMs }) => sum + durationMs, 0));
  const cases = members.map((result) => caseOf(result, `${runtime.name}.${group}`)).join("");
  return `  <testsuite${attributes({ name: group, ...tally(members), time })}>\n${cases}  </testsuite>\n`;
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

/** Text for XML; characters that XML cannot have at all become U+FFFD. */
function escapeXml(text: string): string {
  return Array.from(text, (character) => {
    const code = character.codePointAt(0) ?? 0;
    const impossible =
      (code < 0x20 && !"\t\n\r".includes(character)) || (code >= 0xd800 && code <= 0xdfff) || code >= 0xfffe;
    return impossible && code < 0x1_0000 ? "\ufffd" : (entities[character] ?? character);
  }).join("");
}
