/** The second half of a page of docs/, which a script writes: everything after a marker that names the script. */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Writes the section, or with --check among the arguments, exits with 1 when the page is not up to date. */
export function writeSection(page: string, script: string, section: string): void {
  const path = fileURLToPath(new URL(`../${page}`, import.meta.url));
  const marker = `<!-- written by ${script} from here on -->`;
  const [before = "", after = ""] = readFileSync(path, "utf8").split(`${marker}\n`);
  const wanted = `\n${section}`;
  if (!process.argv.includes("--check")) writeFileSync(path, `${before.trimEnd()}\n\n${marker}\n${wanted}`);
  else if (after !== wanted) {
    console.error(`${page} is out of date. Run: npx tsx --conditions=cri-sdk-source ${script}`);
    process.exit(1);
  }
}
