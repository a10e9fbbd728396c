// Stand-ins for CNI plugins: shell scripts that record how they were called.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, readlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { cleanup } from "../support/cleanup.js";
import { tempFolder } from "../support/temp.js";
import { until } from "../support/waiting.js";

/** One call of a plugin. */
export interface RecordedCall {
  readonly plugin: string;
  readonly command: string;
  readonly containerId: string;
  readonly netns: string;
  readonly args: string;
  /** The names of all variables. */
  readonly variables: string;
  readonly config: Record<string, unknown>;
}

/** Prints the result of an ADD with these addresses. */
export const printing = (...ips: readonly string[]): string =>
  `[ $CNI_COMMAND = DEL ] || echo '${JSON.stringify({ cniVersion: "1.0.0", ips: ips.map((address) => ({ address })) })}'`;

export class FakePlugins {
  readonly confDir: string;
  readonly binDir: string;
  readonly dataDir: string;
  readonly #log: string;

  private constructor(folder: string) {
    this.confDir = join(folder, "conf");
    this.binDir = join(folder, "bin");
    this.dataDir = join(folder, "data");
    this.#log = join(folder, "calls");
  }

  static async create(t: TestContext): Promise<FakePlugins> {
    const plugins = new FakePlugins(await tempFolder(t));
    for (const folder of [plugins.confDir, plugins.binDir, plugins.dataDir]) await mkdir(folder);
    return plugins;
  }

  /** Writes a plugin whose script is `body`, after it has recorded the call. */
  async install(type: string, body: string): Promise<void> {
    const script = `#!/bin/sh
printf '{"plugin":"%s","command":"%s","containerId":"%s","netns":"%s","args":"%s","variables":"%s","config":%s}\\n' \\
  ${type} "$CNI_COMMAND" "$CNI_CONTAINERID" "$CNI_NETNS" "$CNI_ARGS" \\
  "$(env | sed 's/=.*//' | grep -E '^(CNI_|PATH)' | sort | tr '\\n' ' ')" "$(cat)" >>'${this.#log}'
${body}
`;
    await writeFile(join(this.binDir, type), script, { mode: 0o755 });
  }

  /** Writes a file of the configuration. */
  configure(name: string, config: unknown): Promise<void> {
    const content = typeof config === "string" ? config : JSON.stringify(config);
    return writeFile(join(this.confDir, name), content);
  }

  async calls(): Promise<RecordedCall[]> {
    const lines = (await readFile(this.#log, "utf8").catch(() => "")).split("\n");
    // The scripts above write these lines.
    return lines.filter(Boolean).map((line) => JSON.parse(line) as RecordedCall);
  }

  /** Returns the calls as words such as `bridge ADD`. */
  async sequence(): Promise<string[]> {
    return (await this.calls()).map(({ plugin, command }) => `${plugin} ${command}`);
  }
}

/** Starts a process in a network namespace of its own. Skips the test and returns undefined where that is not allowed. */
export async function isolatedProcess(
  t: TestContext,
): Promise<(ChildProcess & { readonly pid: number }) | undefined> {
  const flags = process.getuid?.() === 0 ? ["--net"] : ["--user", "--map-root-user", "--net"];
  const child = spawn("unshare", [...flags, "sleep", "600"], { stdio: "ignore" });
  const ended = once(child, "exit").catch(() => undefined);
  cleanup(t, async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const namespaceOf = (pid: number | undefined) => readlink(`/proc/${pid}/ns/net`).catch(() => undefined);
  const host = await namespaceOf(process.pid);
  const hasEnded = () => child.pid === undefined || child.exitCode !== null;
  const isIsolated = async () => (await namespaceOf(child.pid)) !== host;
  await until(async () => hasEnded() || (await isIsolated()), "the process has a network namespace");
  if (!hasEnded()) return child as ChildProcess & { readonly pid: number };
  t.skip("network namespaces cannot be created here");
  return undefined;
}
