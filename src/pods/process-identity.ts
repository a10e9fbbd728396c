import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { codeOf, readProcStat } from "../core/index.js";

/** Whether a process still runs; `unknown` for one of another host or PID namespace. */
export type ProcessState = "alive" | "dead" | "unknown";

let own: string | undefined;

/**
 * Returns an identity of this process that no other process ever has: machine, boot, PID namespace, pid and start time, separated
 * by `/`. On systems without /proc: hostname and pid.
 */
export function ownProcessIdentity(): string {
  own ??= identityOf(process.pid) ?? `${hostname()}/${process.pid}`;
  return own;
}

/** Returns whether the process of an {@link ownProcessIdentity} still runs. Returns `dead` only when that is certain. */
export function processState(identity: string): ProcessState {
  const [machine, boot, namespace, pid] = identity.split("/");
  const [ownMachine, ownBoot, ownNamespace] = ownProcessIdentity().split("/");
  if (identity === ownProcessIdentity()) return "alive";
  if (machine !== ownMachine) return "unknown";
  if (pid === undefined) return boot === undefined ? "unknown" : stateOfPid(Number(boot));
  // No process survives a reboot. Pids of another PID namespace mean nothing here.
  if (boot !== ownBoot) return "dead";
  if (namespace !== ownNamespace) return "unknown";
  const current = identityOf(Number(pid));
  if (current === undefined) return stateOfPid(Number(pid)) === "dead" ? "dead" : "unknown";
  return current === identity ? "alive" : "dead";
}

function stateOfPid(pid: number): ProcessState {
  try {
    process.kill(pid, 0);
    return "alive";
  } catch (error) {
    return codeOf(error) === "ESRCH" ? "dead" : "unknown";
  }
}

/** Returns undefined where /proc does not list the process. A zombie gets a start time that no live process has. */
function identityOf(pid: number): string | undefined {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    const namespace = readlinkSync("/proc/self/ns/pid").replace(/\D/g, "");
    const stat = readProcStat(pid);
    if (stat === undefined) return undefined;
    const startTime = stat.state === "Z" || stat.state === "X" ? "gone" : stat.startTime;
    return [machineId(), boot, namespace, pid, startTime].join("/");
  } catch {
    return undefined;
  }
}

function machineId(): string {
  try {
    return readFileSync("/etc/machine-id", "utf8").trim() || hostname();
  } catch {
    return hostname();
  }
}
