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
 * This process, in a way that no later one repeats: boot, PID namespace, id and start time. Where /proc does not tell (other
 * systems than Linux), host name and id.
 */
export function thisProcess(): string {
  self ??= processName(process.pid) ?? `${hostname()}/${process.pid}`;
  return self;
}

/** Whether a process named by {@link thisProcess} still runs. */
export function lifeOf(name: string): OwnerLife {
  const [boot, namespace, pid = ""] = name.split("/");
  const [ownBoot, ownNamespace] = thisProcess().split("/");
  // After a reboot nothing of before is alive; a container's process ids mean nothing outside it.
  if (name === thisProcess()) return "alive";
  if (pid === "") return boot === ownBoot ? lifeOfId(Number(namespace)) : "unknown";
  if (boot !== ownBoot) return "dead";
  if (namespace !== ownNamespace) return "unknown";
  return processName(Number(pid)) === name ? "alive" : "dead";
}

function lifeOfId(pid: number): OwnerLife {
  try {
    process.kill(pid, 0);
    return "alive";
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "ESRCH" ? "dead" : "unknown";
  }
}

function processName(pid: number): string | undefined {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    const namespace = readlinkSync("/proc/self/ns/pid").replace(/\D/g, "");
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The program's name stands in parentheses and may hold anything; the start time is the 20th word behind it.
    const [state, ...words] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (state === "Z" || state === "X") return undefined;
    return `${boot}/${namespace}/${pid}/${words[18]}`;
  } catch {
    return undefined;
  }
}
