import { isCriError } from "../src/core/index.js";
import { FileError } from "./data-file.js";

/**
 * Runs a command of this process's arguments. An error of `read` is one of the arguments: prints it with the usage, exit code 2. Errors of
 * files and of the SDK are printed without a stack, exit code 1.
 */
export async function runCommand<C>(
  usage: string,
  read: (args: readonly string[]) => C | "help",
  run: (command: C) => Promise<void>,
): Promise<void> {
  let command: C | "help";
  try {
    command = read(process.argv.slice(2));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${usage}`);
    process.exitCode = 2;
    return;
  }
  if (command === "help") return console.log(usage);
  try {
    await run(command);
  } catch (error) {
    if (!isCriError(error) && !(error instanceof FileError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
