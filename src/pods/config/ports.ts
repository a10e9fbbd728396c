import { isIP } from "node:net";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { type PortMappingSchema, Protocol } from "../../../gen/runtime/v1/api_pb.js";
import { Fields } from "./fields.js";
import type { PodSpec, PortSpec } from "./spec-pod.js";

const protocols = { TCP: Protocol.TCP, UDP: Protocol.UDP, SCTP: Protocol.SCTP };
const maxPort = 65_535;

type PortMapping = MessageInitShape<typeof PortMappingSchema>;

/**
 * PortMappings in the order of the spec. One that says the same as an earlier one is left out, as by the kubelet; one that wants
 * its place on the host for another port is refused.
 */
export function readPorts(fields: Fields<PodSpec>, hostNetwork: boolean): PortMapping[] {
  const places = new Map<string, { readonly path: string; readonly containerPort: number }>();
  return fields.list("ports", (value, path): PortMapping | undefined => {
    const port = new Fields<PortSpec>(value, path, fields.report);
    if (!port.has("containerPort")) port.missing("containerPort", "the port in the pod, 1 to 65535");
    const containerPort = port.whole("containerPort", 1, maxPort) ?? 0;
    // As the API server has it: on the host's network a port is where it is.
    const hostPort = port.whole("hostPort", 0, maxPort) ?? (hostNetwork ? containerPort : 0);
    const protocol = port.choice("protocol", protocols) ?? Protocol.TCP;
    const hostIp = port.text("hostIp", address) ?? "";
    port.end();
    if (hostNetwork && hostPort !== containerPort)
      port.wrong(
        "hostPort",
        `must be left out or ${containerPort}, the same port, with namespaces.hostNetwork`,
      );
    const place = hostPort === 0 ? `none ${containerPort}` : String(hostPort);
    const key = `${protocol} ${hostIp} ${place}`;
    const taken = places.get(key);
    if (taken && taken.containerPort !== containerPort)
      port.wrong("hostPort", `must not be that of ${taken.path}, which leads to ${taken.containerPort}`);
    if (taken) return undefined;
    places.set(key, { path, containerPort });
    return { protocol, containerPort, hostPort, hostIp };
  });
}

function address(text: string): string | undefined {
  return text === "" || isIP(text) !== 0 ? undefined : "must be an IP address";
}
