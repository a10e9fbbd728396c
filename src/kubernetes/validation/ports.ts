import type { DefaultedContainer } from "../defaults/index.js";
import type { FieldPath } from "../schema/index.js";
import { checkIp, checkPortNumber, checkWord } from "./checks.js";
import { checkString } from "./metadata.js";
import { portName } from "./name-rules.js";
import type { PodContext } from "./pod-context.js";

/** Reports ports of a container that are not valid. */
export function checkPorts(
  { ports }: DefaultedContainer,
  path: FieldPath,
  { spec, problems }: PodContext,
): void {
  const names = new Set<string>();
  for (const [index, port] of ports.entries()) {
    const here = path.index(index);
    if (port.name) {
      if (checkString(port.name, here.child("name"), problems, portName) && names.has(port.name))
        problems.duplicate(here.child("name"), port.name);
      names.add(port.name);
    }
    if (port.containerPort === 0) problems.required(here.child("containerPort"));
    else checkPortNumber(port.containerPort, here.child("containerPort"), problems);
    if (port.hostPort) checkPortNumber(port.hostPort, here.child("hostPort"), problems);
    if (spec.hostNetwork && port.hostPort && port.hostPort !== port.containerPort)
      problems.invalid(
        here.child("hostPort"),
        port.hostPort,
        "must match containerPort when hostNetwork is true",
      );
    if (port.hostIP) checkIp(port.hostIP, here.child("hostIP"), problems);
    checkWord(port.protocol, ["TCP", "UDP", "SCTP"], here.child("protocol"), problems);
  }
}

/** Reports ports of the host that several of these containers use. */
export function checkHostPorts(
  containers: readonly DefaultedContainer[],
  path: FieldPath,
  { problems }: PodContext,
): void {
  const used = new Set<string>();
  for (const [containerIndex, { ports }] of containers.entries())
    for (const [index, { hostPort, hostIP = "", protocol }] of ports.entries()) {
      if (!hostPort) continue;
      const identity = `${protocol}/${hostIP}/${hostPort}`;
      const here = path.index(containerIndex).child("ports").index(index).child("hostPort");
      if (used.has(identity)) problems.duplicate(here, identity);
      used.add(identity);
    }
}
