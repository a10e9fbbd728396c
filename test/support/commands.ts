import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import type { Readable } from "node:stream";
import type { TestContext } from "node:test";
import { checkout, nodeArgs } from "./checkout.js";
import { cleanup } from "./cleanup.js";
import { tempFolder } from "./temp.js";
import { until, within } from "./waiting.js";

/** The command in a child process, with a temporary folder of its own. */
export interface RunningCommand {
  readonly pid: number;
  stdout(): string;
  stderr(): string;
  kill(signal: NodeJS.Signals): void;
  /** Waits for the endpoint that it prints first. */
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

/** Collects the output of a child process, which is killed after the test. */
export function watchChild(t: TestContext, child: ChildProcessByStdio<null, Readable, Readable>) {
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
  return { output, closed };
}

/** Starts a command of the checkout, such as `scripts/chaos.ts`. */
export async function startCommand(
  t: TestContext,
  program: string,
  args: readonly string[],
): Promise<RunningCommand> {
  const temporary = await tempFolder(t);
  const child = spawn(process.execPath, nodeArgs(program, ...args), {
    cwd: checkout,
    env: { PATH: process.env.PATH ?? "", TMPDIR: temporary },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const { output, closed } = watchChild(t, child);
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
      return output.stdout.split("\n")[0] ?? "";
    },
    async ended() {
      const [code] = await within(90_000, closed, `the command; output: ${output.stdout} ${output.stderr}`);
      return { code, ...output, left: (await readdir(temporary)).filter((name) => !name.startsWith("tsx-")) };
    },
  };
}
