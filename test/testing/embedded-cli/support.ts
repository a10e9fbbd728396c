import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import type { TestContext } from "node:test";
import { checkout, nodeArgs } from "../../support/checkout.js";
import { cleanup } from "../../support/cleanup.js";
import { tempFolder } from "../../support/temp.js";
import { until, within } from "../../support/waiting.js";

/** The command in a child process, with a temporary folder of its own. */
export interface RunningCommand {
  readonly pid: number;
  stdout(): string;
  stderr(): string;
  kill(signal: NodeJS.Signals): void;
  /** Waits for the endpoint that it prints. */
  ready(): Promise<string>;
  ended(): Promise<EndedCommand>;
}

export interface EndedCommand {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The files that it left in its temporary folder. */
  readonly left: readonly string[];
}

/** Starts the command, with `--allow-root` where it runs processes. */
export async function startCommand(
  t: TestContext,
  args: readonly string[],
  { allowRoot = true }: { readonly allowRoot?: boolean } = {},
): Promise<RunningCommand> {
  const temporary = await tempFolder(t);
  const all = allowRoot && !args.includes("--script") ? [...args, "--allow-root"] : args;
  const child = spawn(process.execPath, nodeArgs("scripts/embedded.ts", ...all), {
    cwd: checkout,
    env: { PATH: process.env.PATH ?? "", TMPDIR: temporary },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    child[name].on("data", (part) => {
      output[name] += part;
    });
  const closed = once(child, "close");
  cleanup(t, async () => {
    child.kill("SIGKILL");
    await closed;
  });
  return {
    pid: child.pid ?? 0,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    kill: (signal) => child.kill(signal),
    async ready() {
      const isReady = () => output.stdout.includes("\n") || child.exitCode !== null;
      await until(isReady, `the command is ready; stderr: ${output.stderr}`, 90_000);
      if (child.exitCode !== null)
        throw new Error(`the command exited with ${child.exitCode}: ${output.stderr}`);
      return output.stdout.trim();
    },
    async ended() {
      const [code] = await within(90_000, closed, `the command; output: ${output.stdout} ${output.stderr}`);
      return { code, ...output, left: (await readdir(temporary)).filter((name) => !name.startsWith("tsx-")) };
    },
  };
}
