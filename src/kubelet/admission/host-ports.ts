import type { DefaultedPod } from "../../kubernetes/index.js";
import type { AdmissionCheck } from "../admission-check.js";
import { checkedRequest } from "./checked-request.js";
import { predicateFailed } from "./predicate.js";

interface HostPort {
  readonly port: number;
  readonly protocol: string;
  readonly ip: string;
}

const anyAddress = "0.0.0.0";

/** Refuses pods that want a port of the host that another pod has. */
export const checkHostPorts: AdmissionCheck = checkedRequest("checkHostPorts", ({ pod, others }) => {
  const wanted = hostPortsOf(pod);
  if (wanted.length === 0) return undefined;
  const used = others.flatMap(hostPortsOf);
  const isFree = (port: HostPort) => !used.some((other) => conflicts(port, other));
  if (wanted.every(isFree)) return undefined;
  return predicateFailed("NodePorts", "node(s) didn't have free ports for the requested pod ports");
});

function conflicts(a: HostPort, b: HostPort): boolean {
  const sharesAddress = a.ip === b.ip || a.ip === anyAddress || b.ip === anyAddress;
  return a.port === b.port && a.protocol === b.protocol && sharesAddress;
}

/** Returns the ports of the containers that run all the time: regular ones and sidecars. */
function hostPortsOf({ spec }: DefaultedPod): HostPort[] {
  const sidecars = spec.initContainers.filter(({ restartPolicy }) => restartPolicy === "Always");
  return [...sidecars, ...spec.containers].flatMap(({ ports }) =>
    ports.flatMap(({ hostPort = 0, protocol, hostIP }) =>
      hostPort > 0 ? [{ port: hostPort, protocol, ip: hostIP || anyAddress }] : [],
    ),
  );
}
