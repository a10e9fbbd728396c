import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { missingCapabilities } from "./capabilities.js";
import type { InstalledRuntimes } from "./install.js";
import { iptablesEnvironment, iptablesNames, iptablesProgram } from "./iptables.js";

/**
 * Writes shell scripts in place of programs that do not run as they are: `iptables`, which needs its unpacked libraries, and
 * `runc`, if this process lacks capabilities. Returns their folder, for the front of a PATH.
 */
export async function writeWrappers(dir: string, installed: InstalledRuntimes): Promise<string> {
  const binDir = join(dir, "bin");
  await mkdir(binDir);
  const write = (name: string, lines: readonly string[]): Promise<void> =>
    writeFile(join(binDir, name), `${["#!/bin/sh", ...lines].join("\n")}\n`, { mode: 0o755 });

  const variables = Object.entries(iptablesEnvironment()).map(([name, value]) => `${name}=${quoted(value)}`);
  for (const name of iptablesNames)
    await write(name, [`export ${variables.join(" ")}`, `exec ${quoted(iptablesProgram(name))} "$@"`]);
  const missing = missingCapabilities();
  if (missing.length > 0) await write("runc", runcWithout(missing, installed.runc));
  return binDir;
}

/**
 * Returns a script that removes capabilities from the spec of a container or of a command in it before `runc` reads it. runc
 * fails if it cannot grant one of them; it also fails at a negative oom_score_adj without CAP_SYS_RESOURCE.
 */
function runcWithout(capabilities: readonly string[], runc: string): string[] {
  const names = `"(${capabilities.join("|")})"`;
  // In the JSON text of a string every quotation mark is escaped, so neither pattern matches inside an argument.
  const upTo = String.raw`("capabilities":\{[^}]*)`;
  const edits = [
    ...[":next", `s/${upTo},${names}/\\1/`, "t next"],
    ...[":first", `s/${upTo}${names},?/\\1/`, "t first"],
    ...(capabilities.includes("CAP_SYS_RESOURCE") ? [`s/"oomScoreAdj":-[0-9]+/"oomScoreAdj":0/`] : []),
  ];
  return [
    // Docker creates containers with `--bundle` and runs commands in them with `--process`.
    "spec= previous=",
    "for word; do",
    "  case $previous in",
    "    --bundle) spec=$word/config.json ;;",
    "    --process) spec=$word ;;",
    "  esac",
    "  previous=$word",
    "done",
    `if [ -n "$spec" ]; then sed -E -i ${edits.map((edit) => `-e ${quoted(edit)}`).join(" ")} "$spec"; fi`,
    `exec ${quoted(runc)} "$@"`,
  ];
}

/** Quotes a word for a POSIX shell. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
