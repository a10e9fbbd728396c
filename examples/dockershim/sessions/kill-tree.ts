// Kills a process on this host with all that it has started.
import { readdirSync, readFileSync } from "node:fs";

/** Kills a process of a container and its descendants. Does nothing if another process has got the number since. */
export function killTree(pid: number, containerId: string): void {
  if (!read(`/proc/${pid}/cgroup`).includes(containerId)) return;
  // A stopped process starts no others.
  send(pid, "SIGSTOP");
  for (const child of childrenOf(pid)) killTree(child, containerId);
  send(pid, "SIGKILL");
}

function childrenOf(pid: number): number[] {
  const threads = list(`/proc/${pid}/task`);
  return threads.flatMap(
    (thread) => read(`/proc/${pid}/task/${thread}/children`).match(/\d+/g)?.map(Number) ?? [],
  );
}

// A process may end at any moment, and its files with it.

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {}
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
