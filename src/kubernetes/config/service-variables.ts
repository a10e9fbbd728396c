import { isIPv6 } from "node:net";
import type { PodInputs, ServiceInput } from "./pod-inputs.js";
import type { PodView } from "./pod-view.js";

/**
 * Returns the variables by which containers find Services: those of `default/kubernetes` always, and those of the pod's namespace unless
 * `enableServiceLinks` is false. Services without an address or ports have none.
 */
export function serviceVariables(view: PodView, { services = [] }: PodInputs): ReadonlyMap<string, string> {
  const linked = new Map<string, ServiceInput>();
  const hasAddress = ({ clusterIP, ports }: ServiceInput) =>
    clusterIP !== "" && clusterIP !== "None" && ports.length > 0;
  for (const service of services.filter(hasAddress)) {
    if (service.namespace === view.namespace && view.spec.enableServiceLinks)
      linked.set(service.name, service);
    else if (service.namespace === "default" && service.name === "kubernetes" && !linked.has(service.name))
      linked.set(service.name, service);
  }
  return new Map([...linked.values()].flatMap(variablesOf));
}

function variablesOf({ name, clusterIP, ports }: ServiceInput): (readonly [string, string])[] {
  const prefix = variableName(name);
  const address = isIPv6(clusterIP) ? `[${clusterIP}]` : clusterIP;
  const [first] = ports;
  const urlOf = ({ port, protocol = "TCP" }: ServiceInput["ports"][number]) =>
    `${protocol.toLowerCase()}://${address}:${port}`;
  return [
    [`${prefix}_SERVICE_HOST`, clusterIP],
    [`${prefix}_SERVICE_PORT`, String(first?.port ?? "")],
    ...ports.flatMap(({ name: portName, port }) =>
      portName ? [[`${prefix}_SERVICE_PORT_${variableName(portName)}`, String(port)] as const] : [],
    ),
    ...(first ? [[`${prefix}_PORT`, urlOf(first)] as const] : []),
    ...ports.flatMap((one) => {
      const protocol = one.protocol ?? "TCP";
      const portPrefix = `${prefix}_PORT_${one.port}_${protocol.toUpperCase()}`;
      return [
        [portPrefix, urlOf(one)],
        [`${portPrefix}_PROTO`, protocol.toLowerCase()],
        [`${portPrefix}_PORT`, String(one.port)],
        [`${portPrefix}_ADDR`, clusterIP],
      ] as const;
    }),
  ];
}

function variableName(name: string): string {
  return name.replaceAll("-", "_").toUpperCase();
}
