// Writes the second half of docs/runtimes.md: the results of the conformance suite on each runtime, from the suite's cases and the files
// of known deviations. `npm run test:runtimes` and `npm test` check both against the runtimes: a new failure and an unexpected pass are
// errors. With --check it only checks that the page is up to date.
import {
  conformanceCases,
  conformanceGroups,
  type Deviations,
  knownDeviations,
} from "../src/testing/conformance/index.js";
import { writeSection } from "./written-section.js";

const runtimes: readonly (readonly [string, Deviations])[] = Object.entries(knownDeviations);

function runtimesSection(): string {
  return [
    "## Conformance",
    "",
    `The suite has ${conformanceCases.length} cases. The table shows how many of them each runtime passes; the others are listed below.`,
    "The suite was run on CRI-O by hand, with crun, the cgroupfs driver and `enable_pod_events = true`: no distribution that the tests use has it.",
    "",
    `| group | ${runtimes.map(([name]) => name).join(" | ")} |`,
    `| --- |${" ---: |".repeat(runtimes.length)}`,
    ...conformanceGroups.map(groupRow),
    ...runtimes.flatMap(([name, deviations]) => deviationList(name, deviations)),
    "",
  ].join("\n");
}

function groupRow(group: string): string {
  const ids = conformanceCases.filter((one) => one.group === group).map(({ id }) => id);
  const passed = runtimes.map(([, deviations]) => ids.filter((id) => !(id in deviations)).length);
  return `| ${group} | ${passed.map((count) => `${count} of ${ids.length}`).join(" | ")} |`;
}

function deviationList(name: string, deviations: Deviations): string[] {
  const byReason = new Map<string, string[]>();
  for (const [id, reason] of Object.entries(deviations))
    byReason.set(reason, [...(byReason.get(reason) ?? []), id]);
  const rows = [...byReason].map(
    ([reason, ids]) => `- ${reason}: ${ids.map((id) => `\`${id}\``).join(", ")}`,
  );
  return ["", `### ${name}`, "", ...rows];
}

writeSection("docs/runtimes.md", "scripts/runtimes-page.ts", runtimesSection());
