import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** A bridge of its own for one daemon's pods. */
export interface Bridge {
  readonly name: string;
  /** Such as `10.231.3`; the bridge has `.1`, the pods the rest. */
  readonly prefix: string;
}

const namePrefix = "crisdk";
const maxBridges = 200;

/**
 * Creates the first free bridge of ours. The kernel refuses a name twice, so runs in other processes get other
 * bridges and other subnets. The bridge's alias tells which run it belongs to.
 */
export function claimBridge(runDir: string): Bridge {
  for (let slot = 0; slot < maxBridges; slot++) {
    const name = `${namePrefix}${slot}`;
    if (existsSync(`/sys/class/net/${name}`)) continue;
    try {
      ip("link", "add", "name", name, "type", "bridge");
    } catch (error) {
      if (existsSync(`/sys/class/net/${name}`)) continue; // someone else was faster
      throw error;
    }
    const prefix = `10.231.${slot}`;
    ip("link", "set", "dev", name, "alias", runDir);
    ip("address", "add", `${prefix}.1/24`, "dev", name);
    ip("link", "set", "dev", name, "up");
    return { name, prefix };
  }
  throw new Error(`all ${maxBridges} bridges ${namePrefix}0… are taken; take earlier runs down first`);
}

/** The names of our bridges with the folder of the run that each belongs to. */
export function ownBridges(): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of readdirSync("/sys/class/net")) {
    if (!/^crisdk\d+$/.test(name)) continue;
    try {
      found.set(name, readFileSync(`/sys/class/net/${name}/ifalias`, "utf8").trim());
    } catch {
      // It went away between the two readings.
    }
  }
  return found;
}

/** Removes a bridge; fine if it is gone already. */
export function removeBridge(name: string): void {
  try {
    ip("link", "delete", "dev", name);
  } catch (error) {
    if (existsSync(`/sys/class/net/${name}`)) throw error;
  }
}

/** Writes the CNI network of one daemon; addresses in use are noted inside `dir`. */
export async function writeCniNetwork(bridge: Bridge, dir: string): Promise<string> {
  const confDir = join(dir, "cni");
  await mkdir(confDir, { recursive: true });
  const network = {
    cniVersion: "0.4.0",
    name: bridge.name,
    plugins: [
      {
        type: "bridge",
        bridge: bridge.name,
        // The bridge already has its address; letting the plugin set it would also turn on IP forwarding.
        isGateway: false,
        ipMasq: false,
        ipam: {
          type: "host-local",
          dataDir: join(dir, "ipam"),
          ranges: [[{ subnet: `${bridge.prefix}.0/24`, gateway: `${bridge.prefix}.1` }]],
          routes: [{ dst: "0.0.0.0/0" }],
        },
      },
    ],
  };
  await writeFile(join(confDir, "10-cri-sdk.conflist"), JSON.stringify(network, undefined, 2));
  return confDir;
}

function ip(...args: readonly string[]): void {
  execFileSync("ip", args, { stdio: ["ignore", "ignore", "pipe"], timeout: 10_000 });
}
