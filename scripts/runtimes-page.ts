// Writes the second half of docs/runtimes.md: how each runtime does in the conformance suite, from the suite's cases and
// the files of known deviations. Both are held to the runtimes by `npm run test:runtimes` and `npm test`, where a new
// failure and an unexpected pass are errors alike. With --check it only says whether the page is up to date.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  conformanceCases,
  conformanceGroups,
  type Deviations,
  knownDeviations,
} from "../src/testing/conformance/index.js";

const page = fileURLToPath(new URL("../docs/runtimes.md", import.meta.url));
const marker = "<!-- written by scripts/runtimes-page.ts from here on -->";
/** Not run here: nothing is claimed of how many cases it passes. */
const unseen = "cri-o-1.37";
const runtimes: readonly (readonly [string, Deviations])[] = Object.entries(knownDeviations);

const seen = runtimes.filter(([name]) => name !== unseen);

function runtimesSection(): string {
  return [
    "## Conformance",
    "",
    `How many of the suite's ${conformanceCases.length} cases each runtime passes, group by group; the rest is listed below.`,
    "The suite was not run on CRI-O: what is listed for it follows from single measured calls.",
    "",
    `| group | ${seen.map(([name]) => name).join(" | ")} |`,
    `| --- |${" ---: |".repeat(seen.length)}`,
    ...conformanceGroups.map(groupRow),
    ...runtimes.flatMap(([name, deviations]) => deviationList(name, deviations)),
    "",
  ].join("\n");
}

function groupRow(group: string): string {
  const ids = conformanceCases.filter((one) => one.group === group).map(({ id }) => id);
  const passed = seen.map(([, deviations]) => ids.filter((id) => !(id in deviations)).length);
  return `| ${group} | ${passed.map((count) => `${count} of ${ids.length}`).join(" | ")} |`;
}

function deviationList(name: string, deviations: Deviations): string[] {
  const byReason = new Map<string, string[]>();
  for (const [id, reason] of Object.entries(deviations))
    byReason.set(reason, [...(byReason.get(reason) ?? []), id]);
  const rows = [...byReason].map(
    ([reason, ids]) => `- ${reason}: ${ids.map((id) => `\`${id}\``).join(", ")}`,
  );
  return ["", `### ${name}${name === unseen ? " (not run)" : ""}`, "", ...rows];
}

const [before = "", after = ""] = readFileSync(page, "utf8").split(`${marker}\n`);
const wanted = `\n${runtimesSection()}`;
if (process.argv.includes("--check")) {
  if (after !== wanted) {
    console.error("docs/runtimes.md is stale: npx tsx --conditions=cri-sdk-source scripts/runtimes-page.ts");
    process.exit(1);
  }
} else writeFileSync(page, `${before.trimEnd()}\n\n${marker}\n${wanted}`);
