import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { cleanup } from "../../support/cleanup.js";
import { tempFolder } from "../../support/temp.js";
import { until, within } from "../../support/waiting.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** The command, in a process of its own, whose temporary files go to a folder of the test's. */
export interface RunningCommand {
  readonly pid: number;
  stdout(): string;
  stderr(): string;
  kill(signal: NodeJS.Signals): void;
  /** Resolves to the endpoint that it printed. */
  ready(): Promise<string>;
  ended(): Promise<EndedCommand>;
}

export interface EndedCommand {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** What it left in the folder for temporary files. */
  readonly left: readonly string[];
}

export async function startCommand(t: TestContext, args: readonly string[]): Promise<RunningCommand> {
  const temporary = await tempFolder(t);
  const node = ["--conditions=cri-sdk-source", "--import", "tsx", "scripts/embedded.ts"];
  const child = spawn(process.execPath, [...node, ...args], {
    cwd: root,
    env: { PATH: process.env.PATH ?? "", TMPDIR: temporary },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    child[name].on("data", (part) => {
      said[name] += part;
    });
  const closed = once(child, "close");
  cleanup(t, async () => {
    child.kill("SIGKILL");
    await closed;
  });
  return {
    pid: child.pid ?? 0,
    stdout: () => said.stdout,
    stderr: () => said.stderr,
    kill: (signal) => child.kill(signal),
    async ready() {
      const over = () => said.stdout.includes("\n") || child.exitCode !== null;
      await until(over, `it is ready; it said ${said.stderr}`, 30_000);
      if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${said.stderr}`);
      return said.stdout.trim();
    },
    async ended() {
      const [code] = await within(30_000, closed, `the command, which said ${said.stdout} ${said.stderr}`);
      const left = (await readdir(temporary)).filter((name) => !name.startsWith("tsx-"));
      return { code, ...said, left };
    },
  };
}
