import { isIPv6 } from "node:net";
import type { NetworkInterfaceInfo } from "node:os";
import type { HostFiles } from "./host-files.js";

type Interfaces = Readonly<NodeJS.Dict<NetworkInterfaceInfo[]>>;

/**
 * Returns the addresses of this node: of each family, that of the interface with the default route. Without a default route, the first
 * address that other machines may reach; without one, 127.0.0.1. A process in a container sees its own addresses.
 */
export async function nodeAddresses(files: HostFiles, interfaces: Interfaces): Promise<readonly string[]> {
  const [v4, v6] = await Promise.all([files.text("/proc/net/route"), files.text("/proc/net/ipv6_route")]);
  const routed = [
    addressOf(interfaces, defaultInterface(v4 ?? "", parseRoute4), false),
    addressOf(interfaces, defaultInterface(v6 ?? "", parseRoute6), true),
  ].filter((address) => address !== undefined);
  if (routed.length > 0) return routed;
  const any = Object.keys(interfaces).flatMap((name) => [
    addressOf(interfaces, name, false),
    addressOf(interfaces, name, true),
  ]);
  return [any.find((address) => address !== undefined) ?? "127.0.0.1"];
}

interface Route {
  readonly interface: string;
  readonly isDefault: boolean;
  readonly metric: number;
}

/** Returns the interface of the default route with the lowest metric. */
function defaultInterface(table: string, parse: (words: readonly string[]) => Route): string | undefined {
  return table
    .split("\n")
    .map((line) => parse(line.trim().split(/\s+/)))
    .filter((route) => route.isDefault && route.interface !== "lo")
    .sort((a, b) => a.metric - b.metric)[0]?.interface;
}

/** Columns: interface, destination, gateway, flags, references, uses, metric, mask. */
function parseRoute4(words: readonly string[]): Route {
  const [name = "", destination, , , , , metric, mask] = words;
  return {
    interface: name,
    isDefault: destination === "00000000" && mask === "00000000",
    metric: Number(metric),
  };
}

/** Columns: destination, its prefix length, source, its prefix length, next hop, metric, references, uses, flags, interface. */
function parseRoute6(words: readonly string[]): Route {
  const [destination, prefix, , , , metric = ""] = words;
  return {
    interface: words[9] ?? "",
    isDefault: destination === "0".repeat(32) && prefix === "00",
    metric: Number.parseInt(metric, 16),
  };
}

function addressOf(interfaces: Interfaces, name: string | undefined, v6: boolean): string | undefined {
  const addresses = name === undefined ? [] : (interfaces[name] ?? []);
  return addresses.find(
    ({ address, internal }) =>
      !internal && isIPv6(address) === v6 && !/^(?:fe[89ab]|169\.254\.)/i.test(address),
  )?.address;
}
