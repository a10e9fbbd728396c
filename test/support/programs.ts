import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { checkout, nodeArgs } from "./checkout.js";
import { within } from "./waiting.js";

/** Starts a program of test/support/programs/. */
export function startProgram(
  name: string,
  args: readonly string[],
  options: SpawnOptions = {},
): ChildProcess {
  return spawn(process.execPath, nodeArgs(`test/support/programs/${name}`, ...args), {
    cwd: checkout,
    stdio: ["ignore", "pipe", "inherit"],
    ...options,
  });
}

/** Runs such a program to its end, and returns its standard output. Kills it after `ms`. */
export async function runProgram(name: string, args: readonly string[], ms = 20_000): Promise<string> {
  const child = startProgram(name, args);
  let out = "";
  child.stdout?.on("data", (chunk) => {
    out += chunk;
  });
  try {
    const [code, signal] = await within(ms, once(child, "close"), name);
    if (code !== 0 && signal !== "SIGKILL") throw new Error(`${name} ended with ${code ?? signal}: ${out}`);
    return out;
  } finally {
    child.kill("SIGKILL");
  }
}
