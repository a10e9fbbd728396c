// Plugins that outlive the shim that has called them.
import { readdir, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Kills the plugins that an earlier process has called for the pods of an owner, with the programs that they have started. An ADD that
 * ended after the DEL of its pod would leave an address, or the rules of a port, behind.
 */
export async function killOrphans(owner: string): Promise<void> {
  // Killing takes a moment, in which a program may start another one.
  for (let round = 0; round < 50; round++) {
    const pids = await processesFor(owner);
    if (pids.length === 0) return;
    for (const pid of pids) kill(pid);
    await sleep(20);
  }
}

async function processesFor(owner: string): Promise<number[]> {
  const names = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const environments = await Promise.all(
    names.map((name) => readFile(`/proc/${name}/environ`, "utf8").catch(() => "")),
  );
  const isOwn = (environment = "") => `\0${environment}`.includes(`\0CNI_CONTAINERID=${owner}-`);
  return names.filter((_, index) => isOwn(environments[index])).map(Number);
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}
