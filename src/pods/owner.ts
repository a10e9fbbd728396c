import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { invalidOption } from "../core/index.js";

/** The label and the annotations by which this package finds again what it made. */
export const ownerKeys = {
  /** Label: whose it is, in the words of `ConnectOptions.pods.owner`. */
  owner: "cri-sdk/owner",
  /** Annotation: the process that made it, and that it lives no longer than. Absent on what `ensure` made. */
  process: "cri-sdk/owner-process",
  /** Annotation: the hash of the spec that `ensure` made it from. */
  hash: "cri-sdk/spec-hash",
} as const;

/** Whose things are, where the options do not say. */
export const defaultOwner = "cri-sdk";

/** Whether the process that made something still runs. `unknown`: it is of another host or PID namespace. */
export type OwnerLife = "alive" | "dead" | "unknown";

/** Refuses what cannot be a label's value, since the owner becomes one. */
export function checkOwner(owner: string, path: string): string {
  if (/^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/.test(owner)) return owner;
  throw invalidOption(path, owner, "must be 1 to 63 letters, digits, '-', '_' and '.', as a label's value");
}

let self: string | undefined;

/**
 * This process, in a way that no later one repeats: machine, boot, PID namespace, id and start time. Where /proc does not tell
 * (other systems than Linux), host name and id.
 */
export function thisProcess(): string {
  self ??= nameOfProcess(process.pid) ?? `${hostname()}/${process.pid}`;
  return self;
}

/** Whether a process named by {@link thisProcess} still runs. Only what is certain to be dead is called so. */
export function lifeOf(name: string): OwnerLife {
  const [machine, boot, namespace, pid] = name.split("/");
  const [ownMachine, ownBoot, ownNamespace] = thisProcess().split("/");
  if (name === thisProcess()) return "alive";
  if (machine !== ownMachine) return "unknown";
  if (pid === undefined) return boot === undefined ? "unknown" : lifeOfId(Number(boot));
  // After a reboot nothing of before is alive; a container's process ids mean nothing outside it.
  if (boot !== ownBoot) return "dead";
  if (namespace !== ownNamespace) return "unknown";
  const now = nameOfProcess(Number(pid));
  if (now === undefined) return lifeOfId(Number(pid)) === "dead" ? "dead" : "unknown";
  return now === name ? "alive" : "dead";
}

function lifeOfId(pid: number): OwnerLife {
  try {
    process.kill(pid, 0);
    return "alive";
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "ESRCH" ? "dead" : "unknown";
  }
}

/** Undefined where /proc does not tell of it. A process that ended and was not waited for is named as one that is gone. */
function nameOfProcess(pid: number): string | undefined {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    const namespace = readlinkSync("/proc/self/ns/pid").replace(/\D/g, "");
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The program's name stands in parentheses and may hold anything; the start time is the 20th word behind it.
    const [state, ...words] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const startedAt = state === "Z" || state === "X" ? "gone" : words[18];
    return [machineName(), boot, namespace, pid, startedAt].join("/");
  } catch {
    return undefined;
  }
}

/** The machine's own id, or what it is called. */
function machineName(): string {
  try {
    return readFileSync("/etc/machine-id", "utf8").trim() || hostname();
  } catch {
    return hostname();
  }
}
