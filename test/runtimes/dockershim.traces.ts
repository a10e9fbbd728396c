// What a dockershim and its engine hold on this machine, as seen from outside of both.
import { join } from "node:path";
import { Engine } from "../../examples/dockershim/engine/client.js";
import { ownBridges } from "../../scripts/runtimes/bridges.js";
import { runCgroup } from "../../scripts/runtimes/cgroups.js";
import type { DockerRuntime } from "../../scripts/runtimes/index.js";
import { findPortRules } from "../../scripts/runtimes/port-rules.js";
import { cgroupMounts, findMounts, findProcesses, list, read } from "../../scripts/runtimes/traces.js";

/** Calls an engine directly, past the shim. */
export async function withEngine<T>(
  runtime: DockerRuntime,
  work: (engine: Engine) => Promise<T>,
): Promise<T> {
  const engine = new Engine(runtime.engine.socketPath);
  try {
    return await work(engine);
  } finally {
    engine.close();
  }
}

const containersOf = (runtime: DockerRuntime): Promise<string[]> =>
  withEngine(runtime, async (engine) => {
    const query = { all: true };
    const all = await engine.call<{ readonly Id: string }[]>("GET", "/containers/json", { query });
    return all.map(({ Id }) => Id);
  });

/** Returns everything that pods hold, one line each. Equal before and after pods that have left nothing behind. */
export async function traces(runtime: DockerRuntime, runDir: string): Promise<string[]> {
  const containers = await containersOf(runtime);
  const dir = join(runtime.socketPath, "..");
  return [
    ...containers.map((id) => `container ${id}`),
    ...list(join(runtime.engine.dataRoot, "containers")).map((id) => `folder of container ${id}`),
    ...leases(join(dir, "ipam")).map((address) => `address ${address}`),
    ...findPortRules(runDir).map(({ rule }) => `host ports: ${rule}`),
    // The engine has one for all containers in the host's network.
    ...findMounts(runDir).flatMap((point) => (point.endsWith("/netns/default") ? [] : [`mount ${point}`])),
    // The kernel shows no command of a process that has ended.
    ...findProcesses(runDir).flatMap(({ command }) => (command ? [`process ${command}`] : [])),
    ...interfaces(runDir).map((name) => `interface ${name}`),
    ...containerCgroups(runDir).map((id) => `cgroup ${id}`),
  ].sort();
}

/**
 * Ends the containers that an engine has forgotten, and returns their ids. An engine that is killed while it starts a container does not
 * find it again: only its containerd has it.
 */
export async function endForgotten(runtime: DockerRuntime, runDir: string): Promise<string[]> {
  const known = await containersOf(runtime);
  return findProcesses(runDir).flatMap(({ pid, command }) => {
    const [, id] = /containerd-shim\S* .*-id ([0-9a-f]{64})/.exec(command) ?? [];
    if (id === undefined || known.includes(id)) return [];
    // Its containerd notices that, and cleans up.
    process.kill(pid, "SIGKILL");
    return [id];
  });
}

/** Returns the lines that are only in the second list. */
export function addedTo(before: readonly string[], after: readonly string[]): string[] {
  const rest = [...before];
  return after.filter((line) => {
    const at = rest.indexOf(line);
    if (at >= 0) rest.splice(at, 1);
    return at < 0;
  });
}

/** Returns the processes of a container, according to its cgroup. */
export function processesOf(cgroupParent: string, id: string): string[] {
  const files = cgroupMounts().map((mount) => join(mount, cgroupParent, id, "cgroup.procs"));
  return [...new Set(files.flatMap((file) => read(file).split("\n").filter(Boolean)))];
}

/** Returns the pids of the shims that run, also of those that are still starting. */
export function shimPids(runtime: DockerRuntime, runDir: string): number[] {
  return findProcesses(runDir)
    .filter(({ command }) => /dockershim\/main\.[jt]s/.test(command) && command.includes(runtime.socketPath))
    .map(({ pid }) => pid);
}

/** Returns what a process uses: its memory in MiB, and the files that it has open. */
export function usageOf(pid: number): { readonly memoryMiB: number; readonly files: number } {
  const [, kib = "0"] = /^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`)) ?? [];
  return { memoryMiB: Number(kib) / 1024, files: list(`/proc/${pid}/fd`).length };
}

function leases(dataDir: string): string[] {
  return list(dataDir).flatMap((network) =>
    list(join(dataDir, network))
      .filter((name) => /^[\d.]+$/.test(name))
      .map((address) => `${address} of ${read(join(dataDir, network, address)).split(/\s/)[0]}`),
  );
}

/** Returns the host's ends of the pods' interfaces. */
function interfaces(runDir: string): string[] {
  const bridges = [...ownBridges()].filter(([, owner]) => owner === runDir);
  return bridges.flatMap(([bridge]) => list(`/sys/class/net/${bridge}/brif`));
}

/** Returns the cgroups of containers. Those of their pods belong to the client. */
function containerCgroups(runDir: string): string[] {
  const tops = cgroupMounts().map((mount) => join(mount, runCgroup(runDir)));
  const parents = tops.flatMap((top) => list(top, "folders").map((name) => join(top, name)));
  const names = parents.flatMap((parent) => list(parent, "folders"));
  return [...new Set(names)].filter((name) => /^[0-9a-f]{64}$/.test(name));
}
