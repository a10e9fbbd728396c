// The ports of the node that are forwarded to a pod.
import { isIP } from "node:net";
import { criError } from "cri-sdk/server";
import { type PortMapping, Protocol } from "cri-sdk/v1";
import type { HostPort } from "./attachment.js";

export type Port = Pick<PortMapping, "protocol" | "containerPort" | "hostPort" | "hostIp">;

const protocols = new Map<number, string>([
  [Protocol.TCP, "tcp"],
  [Protocol.UDP, "udp"],
  [Protocol.SCTP, "sctp"],
]);

/**
 * Returns the forwarded ports as the portmap plugin expects them. Throws for those that it would refuse: it would refuse to remove them,
 * too, so that the pod could never be removed.
 */
export function hostPorts(mappings: readonly Port[]): HostPort[] {
  return mappings.flatMap(({ hostPort, containerPort, hostIp: hostIP, ...mapping }, index) => {
    if (hostPort === 0) return [];
    const protocol = protocols.get(mapping.protocol);
    const refuse = (field: string, value: unknown) =>
      criError("invalid_request", `port_mappings[${index}].${field}: must not be ${JSON.stringify(value)}`);
    if (!isPort(hostPort)) throw refuse("host_port", hostPort);
    if (!isPort(containerPort)) throw refuse("container_port", containerPort);
    if (protocol === undefined) throw refuse("protocol", mapping.protocol);
    if (hostIP !== "" && isIP(hostIP) === 0) throw refuse("host_ip", hostIP);
    return [{ hostPort, containerPort, protocol, hostIP }];
  });
}

function isPort(value: number): boolean {
  return value > 0 && value < 65_536;
}
