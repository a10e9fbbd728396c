// The addresses that the host-local plugin has assigned: one file per address, whose first line is a container id.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Network } from "./config.js";

/** Used unless the configuration has a `dataDir`, and always by the flannel plugin. */
const defaultDir = "/var/lib/cni/networks";

/** Returns the ids of the containers that hold an address of the network, of all runtimes. */
export async function leaseHolders(network: Network): Promise<Set<string>> {
  const dataDirs = network.plugins.flatMap(({ ipam }) => ipam?.dataDir ?? []);
  const folders = [...new Set([defaultDir, ...dataDirs])].map((dir) => join(dir, network.name));
  const holders = await Promise.all(folders.map(holdersIn));
  return new Set(holders.flat());
}

async function holdersIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  const files = names.map((name) => readFile(join(folder, name), "utf8").catch(() => ""));
  return (await Promise.all(files)).map((content) => content.split(/\r?\n/)[0]?.trim() ?? "");
}
