import type { TestContext } from "node:test";
import { type RunningCommand, startCommand as start } from "../../support/commands.js";

/** Starts the command, with `--allow-root` where it runs processes. */
export function startCommand(
  t: TestContext,
  args: readonly string[],
  { allowRoot = true }: { readonly allowRoot?: boolean } = {},
): Promise<RunningCommand> {
  const all = allowRoot && !args.includes("--script") ? [...args, "--allow-root"] : args;
  return start(t, "scripts/embedded.ts", all);
}
