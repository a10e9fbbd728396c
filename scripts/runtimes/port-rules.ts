import { isOnlyRun, ownBridges, runBridge } from "./bridges.js";
import { runIptables } from "./iptables.js";

// The chains of the portmap plugin: one per pod with host ports, reached by a rule of the first shared chain.
const shared = ["CNI-HOSTPORT-DNAT", "CNI-HOSTPORT-MASQ", "CNI-HOSTPORT-SETMARK"];

/** The forwarding of one pod's host ports by the portmap plugin. */
export interface PortRule {
  /** The chain of the pod. */
  readonly chain: string;
  /** The rule that leads to the chain, as `iptables -S` prints it, without `-A`. */
  readonly rule: string;
}

/**
 * Returns the host ports of a run's pods: those in networks whose bridge belongs to the run, or no longer exists. The latter
 * outlived a run, whose bridges are removed last.
 */
export function findPortRules(runDir: string): PortRule[] {
  const bridges = ownBridges();
  return natRules().flatMap((line) => {
    const found = /^-A (CNI-HOSTPORT-DNAT .*dnat name: \\"([^"\\]+)\\".* -j (CNI-DN-\w+))$/.exec(line);
    if (found === null) return [];
    const [, rule = "", network = "", chain = ""] = found;
    if (!runBridge.test(network) || (bridges.get(network) ?? runDir) !== runDir) return [];
    return [{ chain, rule }];
  });
}

/** Removes host ports that a killed run left behind, and the shared chains once no run and no rule needs them. */
export function removePortRules(runDir: string): void {
  const rules = findPortRules(runDir);
  const removals = rules.flatMap(({ chain, rule }) => [`-D ${rule}`, `-F ${chain}`, `-X ${chain}`]);
  if (removals.length > 0) restore(removals);
  if (!isOnlyRun(runDir)) return;
  const remaining = natRules();
  const isUsed = remaining.some((line) => line.startsWith("-A CNI-HOSTPORT-DNAT "));
  if (isUsed || !remaining.includes("-N CNI-HOSTPORT-DNAT")) return;
  // All or nothing: a chain that came into use in the meantime cannot be deleted.
  restore([
    ...remaining.filter((line) => /^-A .*CNI-HOSTPORT-/.test(line)).map((line) => line.replace("-A", "-D")),
    ...shared.map((chain) => `-X ${chain}`),
  ]);
}

function natRules(): string[] {
  return (runIptables("iptables", ["-t", "nat", "-S"]) ?? "").split("\n");
}

/** Applies commands as one transaction; does nothing if the kernel rejects one of them. */
function restore(commands: readonly string[]): void {
  runIptables("iptables-restore", ["--noflush"], ["*nat", ...commands, "COMMIT", ""].join("\n"));
}
