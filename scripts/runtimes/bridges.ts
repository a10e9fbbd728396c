import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** The network bridge for the pods of one daemon. */
export interface Bridge {
  readonly name: string;
  /** Such as `10.231.3`; the bridge has the address `.1`, and the pods have the others. */
  readonly prefix: string;
}

const namePrefix = "crisdk";
const maxBridges = 200;

/** Matches the names of the bridges of all runs, which are the names of their CNI networks, too. */
export const runBridge = /^crisdk\d+$/;

/**
 * Creates a bridge with the first free name and its subnet. The kernel rejects a duplicate name, so concurrent runs
 * get different bridges and subnets. The bridge's alias is the folder of the run that owns it.
 */
export function claimBridge(runDir: string): Bridge {
  for (let slot = 0; slot < maxBridges; slot++) {
    const name = `${namePrefix}${slot}`;
    if (existsSync(`/sys/class/net/${name}`)) continue;
    try {
      ip("link", "add", "name", name, "type", "bridge");
    } catch (error) {
      if (existsSync(`/sys/class/net/${name}`)) continue; // another process created it first
      throw error;
    }
    const prefix = `10.231.${slot}`;
    ip("link", "set", "dev", name, "alias", runDir);
    ip("address", "add", `${prefix}.1/24`, "dev", name);
    ip("link", "set", "dev", name, "up");
    return { name, prefix };
  }
  throw new Error(
    `all ${maxBridges} bridges ${namePrefix}0… are in use. Take earlier runs down with tsx scripts/runtimes/cli.ts down`,
  );
}

/** Returns the bridges of all runs: the name of each with the folder of its run. */
export function ownBridges(): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of readdirSync("/sys/class/net")) {
    if (!runBridge.test(name)) continue;
    try {
      found.set(name, readFileSync(`/sys/class/net/${name}/ifalias`, "utf8").trim());
    } catch {
      // The bridge was removed after the folder was listed.
    }
  }
  return found;
}

/** Returns whether no other run has a bridge, so that what all runs share can be removed. */
export function isOnlyRun(runDir: string): boolean {
  return [...ownBridges().values()].every((owner) => owner === runDir);
}

/** Removes a bridge; does nothing if it does not exist. */
export function removeBridge(name: string): void {
  try {
    ip("link", "delete", "dev", name);
  } catch (error) {
    if (existsSync(`/sys/class/net/${name}`)) throw error;
  }
}

/** Options of {@link writeCniNetwork}. */
export interface CniNetworkOptions {
  /** Whether the network forwards host ports, which needs `iptables` on the PATH of the plugins; default false. */
  readonly hostPorts?: boolean;
}

/** Writes the CNI network of one daemon; the addresses in use are recorded inside `dir`. */
export async function writeCniNetwork(
  bridge: Bridge,
  dir: string,
  { hostPorts = false }: CniNetworkOptions = {},
): Promise<string> {
  const confDir = join(dir, "cni");
  await mkdir(confDir, { recursive: true });
  const network = {
    cniVersion: "0.4.0",
    name: bridge.name,
    plugins: [
      {
        type: "bridge",
        bridge: bridge.name,
        // The bridge already has its address; the plugin would also enable IP forwarding.
        isGateway: false,
        ipMasq: false,
        ipam: {
          type: "host-local",
          dataDir: join(dir, "ipam"),
          ranges: [[{ subnet: `${bridge.prefix}.0/24`, gateway: `${bridge.prefix}.1` }]],
          routes: [{ dst: "0.0.0.0/0" }],
        },
      },
      ...(hostPorts ? [{ type: "portmap", capabilities: { portMappings: true }, snat: true }] : []),
    ],
  };
  await writeFile(join(confDir, "10-cri-sdk.conflist"), JSON.stringify(network, undefined, 2));
  return confDir;
}

function ip(...args: readonly string[]): void {
  execFileSync("ip", args, { stdio: ["ignore", "ignore", "pipe"], timeout: 10_000 });
}
