import { dottedSysctl } from "../../pods/index.js";
import type { Sysctl } from "../api/index.js";
import type { FieldPath } from "../schema/index.js";
import { checkGiven } from "./checks.js";
import type { PodContext } from "./pod-context.js";

const maxNameLength = 253;
const nameGrammar = /^[a-z0-9](?:[-_a-z0-9]*[a-z0-9])?(?:[./][a-z0-9](?:[-_a-z0-9]*[a-z0-9])?)*$/;

/** The sysctls that affect no pod but their own. Source: kubelet, sysctl/safe_sysctls.go of 1.36, without the checks of old kernels. */
const safe: ReadonlySet<string> = new Set([
  "kernel.shm_rmid_forced",
  "net.ipv4.ip_local_port_range",
  "net.ipv4.ip_local_reserved_ports",
  "net.ipv4.ip_unprivileged_port_start",
  "net.ipv4.ping_group_range",
  "net.ipv4.tcp_fin_timeout",
  "net.ipv4.tcp_keepalive_intvl",
  "net.ipv4.tcp_keepalive_probes",
  "net.ipv4.tcp_keepalive_time",
  "net.ipv4.tcp_rmem",
  "net.ipv4.tcp_syncookies",
  "net.ipv4.tcp_wmem",
]);

/** Reports sysctls that are not valid, that belong to a namespace of the host, or that may affect other pods. */
export function checkSysctls(
  sysctls: readonly Sysctl[],
  path: FieldPath,
  { spec, options, problems }: PodContext,
): void {
  const names = new Set<string>();
  for (const [index, sysctl] of sysctls.entries()) {
    const here = path.index(index).child("name");
    if (!checkGiven(sysctl.name, here, problems)) continue;
    const name = dottedSysctl(sysctl.name);
    if (sysctl.name.length > maxNameLength || !nameGrammar.test(sysctl.name)) {
      problems.invalid(
        here,
        sysctl.name,
        `must have at most ${maxNameLength} characters and be the name of a kernel parameter, such as net.core.somaxconn`,
      );
      continue;
    }
    if (names.has(name)) problems.duplicate(here, sysctl.name);
    names.add(name);
    const namespace = namespaceOf(name);
    if (namespace === undefined)
      problems.forbidden(here, `${sysctl.name} belongs to no namespace of a pod: set it on the node`);
    else if (namespace === "network" && spec.hostNetwork)
      problems.invalid(here, sysctl.name, "must not be set when hostNetwork is true");
    else if (namespace === "ipc" && spec.hostIPC)
      problems.invalid(here, sysctl.name, "must not be set when hostIPC is true");
    else if (!safe.has(name) && !isAllowed(name, options.allowedUnsafeSysctls ?? []))
      problems.forbidden(
        here,
        `${sysctl.name} may affect other pods: pass it in allowedUnsafeSysctls to allow it`,
      );
  }
}

function namespaceOf(name: string): "ipc" | "network" | undefined {
  if (name.startsWith("net.")) return "network";
  return name.startsWith("kernel.shm") ||
    name.startsWith("kernel.msg") ||
    name === "kernel.sem" ||
    name.startsWith("fs.mqueue.")
    ? "ipc"
    : undefined;
}

function isAllowed(name: string, patterns: readonly string[]): boolean {
  return patterns
    .map(dottedSysctl)
    .some((pattern) => (pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern));
}
