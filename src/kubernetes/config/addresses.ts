import { isIPv6 } from "node:net";

/**
 * Returns at most one address of each IP family, that of the node's family first, as `status.podIPs` and `status.hostIPs` have them.
 *
 * @param nodeIPs the addresses of the node; the family of the first counts
 */
export function onePerFamily(addresses: readonly string[], nodeIPs: readonly string[]): readonly string[] {
  const prefersV6 = isIPv6(nodeIPs[0] ?? "");
  return [prefersV6, !prefersV6].flatMap((v6) => addresses.find((ip) => isIPv6(ip) === v6) ?? []);
}
