// The traffic of a pod, as the kernel counts it in the pod's network namespace.
import { join } from "node:path";
import { readText } from "./cgroup.js";

export interface Traffic {
  readonly bytes: bigint;
  readonly packets: bigint;
  readonly errors: bigint;
  readonly dropped: bigint;
}

export interface NetworkInterface {
  readonly name: string;
  readonly received: Traffic;
  readonly sent: Traffic;
}

/** Reads the interfaces that a process can use, the main one first, without loopback. */
export function readInterfaces(pid: number, procRoot: string): NetworkInterface[] {
  const text = readText(join(procRoot, `${pid}`, "net", "dev")) ?? "";
  const all: NetworkInterface[] = [];
  for (const [, name = "", numbers = ""] of text.matchAll(/^ *([^:\s]+): *(\d.*)$/gm)) {
    const values = numbers.trim().split(/ +/).map(BigInt);
    if (name !== "lo") all.push({ name, received: traffic(values), sent: traffic(values.slice(8)) });
  }
  // The name that CNI plugins are called with.
  return all.sort((a, b) => Number(b.name === "eth0") - Number(a.name === "eth0"));
}

function traffic([bytes = 0n, packets = 0n, errors = 0n, dropped = 0n]: readonly bigint[]): Traffic {
  return { bytes, packets, errors, dropped };
}
