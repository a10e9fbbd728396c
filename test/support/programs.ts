import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { within } from "./waiting.js";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Starts a program of test/support/programs/ in a process of its own. */
export function startProgram(
  name: string,
  args: readonly string[],
  options: SpawnOptions = {},
): ChildProcess {
  const file = fileURLToPath(new URL(`programs/${name}`, import.meta.url));
  return spawn(process.execPath, ["--conditions=cri-sdk-source", "--import", "tsx", file, ...args], {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
    ...options,
  });
}

/** Runs such a program to its end, and gives back what it printed. Killed when it is not done in time. */
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
