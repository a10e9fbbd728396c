import { spawnSync } from "node:child_process";
import { existsSync, realpathSync, rmSync } from "node:fs";
import { ownBridges, removeBridge } from "./bridges.js";
import { findCgroups, removeCgroups } from "./cgroups.js";
import { findPortRules, removePortRules } from "./port-rules.js";
import { isRunFolder, removeRunFolder } from "./run-folder.js";
import { findCniResults, findIds, findMounts, findProcesses, findShimSockets } from "./traces.js";
import { waitForSync } from "./wait.js";

/**
 * Kills the processes of a run and removes its mounts, host ports, bridges, cgroups, sockets and folder. Works without a running
 * daemon; idempotent. Blocks for up to 20 s (usually a fraction of a second), so that it also works in an exit handler.
 */
export function takeDown(dir: string): void {
  if (!existsSync(dir)) return;
  const runDir = realpathSync(dir);
  if (!isRunFolder(runDir)) throw new Error(`${runDir}: not the folder of a run; nothing was changed`);
  const ids = findIds(runDir);
  const sockets = findShimSockets(runDir);
  const results = findCniResults(runDir);

  const allExited = waitForSync(10_000, () => killAll(runDir) === 0);
  if (!allExited)
    throw new Error(`processes still running after SIGKILL: ${describeProcesses(runDir).join("; ")}`);
  unmountAll(runDir);
  // rm would follow a remaining mount and delete the files behind it.
  const mounts = findMounts(runDir);
  if (mounts.length > 0)
    throw new Error(`${runDir}: not deleted, because these are still mounted: ${mounts.join(", ")}`);

  for (const file of [...sockets, ...results]) rmSync(file, { force: true });
  // Before the bridges, whose names say which rules belong to the run.
  removePortRules(runDir);
  // Bridges before cgroups: when several runs end at the same time, the last one then sees that the remaining cgroups are its own.
  for (const [name, owner] of ownBridges()) if (owner === runDir) removeBridge(name);
  // The kernel removes killed processes from their cgroups with a short delay.
  waitForSync(3_000, () => {
    removeCgroups(findCgroups(runDir, ids));
    return findCgroups(runDir, ids).length === 0;
  });
  removeRunFolder(runDir);
}

/** Returns the remaining resources of a run, one line each: empty after a complete {@link takeDown}. */
export function leftovers(runDir: string): string[] {
  const bridges = [...ownBridges()].filter(([, owner]) => owner === runDir);
  return [
    ...describeProcesses(runDir),
    ...findMounts(runDir).map((point) => `mount ${point}`),
    ...findPortRules(runDir).map(({ chain, rule }) => `host ports in chain ${chain}: ${rule}`),
    ...bridges.map(([name]) => `bridge ${name}`),
    ...findCgroups(runDir, findIds(runDir)).map((group) => `cgroup ${group}`),
    ...findShimSockets(runDir)
      .filter(existsSync)
      .map((path) => `socket ${path}`),
    ...findCniResults(runDir).map((path) => `CNI result ${path}`),
    ...(existsSync(runDir) ? [`folder ${runDir}`] : []),
  ];
}

function describeProcesses(runDir: string): string[] {
  return findProcesses(runDir).map(({ pid, command }) => `process ${pid} ${command}`);
}

function killAll(runDir: string): number {
  const found = findProcesses(runDir);
  for (const { pid } of found) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // The process has already exited.
    }
  }
  return found.length;
}

/** Unmounts everything inside the folder, network namespaces included; that also removes the pods' interfaces. */
function unmountAll(runDir: string): void {
  for (let round = 0; round < 5; round++) {
    const mounts = findMounts(runDir);
    if (mounts.length === 0) return;
    spawnSync("umount", ["--lazy", ...mounts], { stdio: "ignore", timeout: 10_000 });
  }
}
