// Writes the site of the guides and the API reference: npm run docs [-- --check]
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { coverageTable, goalPercent, sourcesOfPackage, writeReference } from "./reference.js";

const help = `npm run docs               writes the guides and the API reference to docs-site/: open docs-site/index.html
npm run docs -- --check    writes them to a temporary folder, and removes it

Either fails if a link leads nowhere, if a public signature has a type that no door exports, if a page requests something from another
host, or if fewer than ${goalPercent} % of the public members of a door have comments. CONTRIBUTING.md says what counts as a member.`;

const root = fileURLToPath(new URL("../..", import.meta.url));
const options = { check: { type: "boolean" }, help: { type: "boolean" } } as const;

async function main(): Promise<number> {
  const { values } = parseArgs({ options });
  if (values.help) {
    console.log(help);
    return 0;
  }
  const output = values.check ? mkdtempSync(join(tmpdir(), "cri-sdk-docs-")) : join(root, "docs-site");
  try {
    console.log("Reading the doors and writing the site takes a moment …");
    const { coverage, problems } = await writeReference(sourcesOfPackage(root), output);
    console.log(`\n${coverageTable(coverage)}`);
    if (!values.check) console.log(`\nOpen ${join(output, "index.html")}`);
    if (problems.length === 0) return 0;
    console.error(`\n${problems.join("\n")}\n\n${problems.length} problems`);
    return 1;
  } finally {
    if (values.check) rmSync(output, { recursive: true, force: true });
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`docs: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
