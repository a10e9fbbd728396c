import { isIPv6 } from "node:net";
import { Protocol } from "../../../gen/runtime/v1/api_pb.js";
import type { PodSpec } from "../api/index.js";

/** PortMapping of a sandbox. */
export interface PortMapping {
  readonly protocol: Protocol;
  readonly containerPort: number;
  readonly hostPort: number;
  readonly hostIp: string;
}

/**
 * Returns the port mappings of a pod's regular containers, also those without a host port. A port whose name, or without one, whose
 * family, protocol, address and numbers its container has already is left out.
 */
export function portMappings({ containers }: PodSpec): PortMapping[] {
  return containers.flatMap(({ ports = [] }) => {
    const seen = new Set<string>();
    return ports.flatMap(({ name, containerPort, hostPort = 0, hostIP = "", protocol = "TCP" }) => {
      const family = hostIP === "" ? "any" : isIPv6(hostIP) ? "v6" : "v4";
      const key = name || `${family}-${protocol}-${hostIP}:${containerPort}:${hostPort}`;
      if (seen.has(key)) return [];
      seen.add(key);
      return { protocol: protocolOf(protocol), containerPort, hostPort, hostIp: hostIP };
    });
  });
}

function protocolOf(name: string): Protocol {
  if (name === "UDP") return Protocol.UDP;
  return name === "SCTP" ? Protocol.SCTP : Protocol.TCP;
}
