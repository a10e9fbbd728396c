import { spawnSync } from "node:child_process";
import { existsSync, realpathSync, rmSync } from "node:fs";
import { ownBridges, removeBridge } from "./bridges.js";
import { findCgroups, removeCgroups } from "./cgroups.js";
import { isRunFolder, removeRunFolder } from "./run-folder.js";
import { findCniResults, findIds, findMounts, findProcesses, findShimSockets } from "./traces.js";
import { waitForSync } from "./wait.js";

/**
 * Ends and removes everything that belongs to a run folder, and the folder. Needs no daemon to be alive and asks
 * none; safe to repeat. It blocks (a fraction of a second, 20 s at most), so that it also works while a process exits.
 */
export function takeDown(dir: string): void {
  if (!existsSync(dir)) return;
  const runDir = realpathSync(dir);
  if (!isRunFolder(runDir)) throw new Error(`${runDir} is not the folder of a run; nothing was touched`);
  const ids = findIds(runDir);
  const sockets = findShimSockets(runDir);
  const results = findCniResults(runDir);

  const areGone = waitForSync(10_000, () => killAll(runDir) === 0);
  if (!areGone)
    throw new Error(`processes that SIGKILL did not end: ${describeProcesses(runDir).join("; ")}`);
  unmountAll(runDir);
  // rm would follow a mount that is left and delete what is behind it.
  const mounts = findMounts(runDir);
  if (mounts.length > 0) throw new Error(`still mounted, so ${runDir} was not deleted: ${mounts.join(", ")}`);

  for (const file of [...sockets, ...results]) rmSync(file, { force: true });
  // Bridges first: of several runs that end together, the last one then knows that it is alone with the groups.
  for (const [name, owner] of ownBridges()) if (owner === runDir) removeBridge(name);
  // The kernel empties the groups of killed processes a moment later.
  waitForSync(3_000, () => {
    removeCgroups(findCgroups(runDir, ids));
    return findCgroups(runDir, ids).length === 0;
  });
  removeRunFolder(runDir);
}

/** What a run still has on this machine, a line for each: empty after a complete {@link takeDown}. */
export function leftovers(runDir: string): string[] {
  const bridges = [...ownBridges()].filter(([, owner]) => owner === runDir);
  return [
    ...describeProcesses(runDir),
    ...findMounts(runDir).map((point) => `mount ${point}`),
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
      // It ended by itself.
    }
  }
  return found.length;
}

/** Network namespaces are mounts inside the folder too; with them go the pods' interfaces. */
function unmountAll(runDir: string): void {
  for (let round = 0; round < 5; round++) {
    const mounts = findMounts(runDir);
    if (mounts.length === 0) return;
    spawnSync("umount", ["--lazy", ...mounts], { stdio: "ignore", timeout: 10_000 });
  }
}
