import { nearest } from "../../core/index.js";
import type { Fields } from "./fields.js";
import type { ContainerSecuritySpec } from "./spec-security.js";

const known: ReadonlySet<string> = new Set(
  `AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF CHECKPOINT_RESTORE CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID
  IPC_LOCK IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN NET_BIND_SERVICE NET_BROADCAST NET_RAW
  PERFMON SETFCAP SETGID SETPCAP SETUID SYSLOG SYS_ADMIN SYS_BOOT SYS_CHROOT SYS_MODULE SYS_NICE SYS_PACCT SYS_PTRACE SYS_RAWIO
  SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG WAKE_ALARM`.split(/\s+/),
);

/**
 * Capability, by names as CRI wants them: without `CAP_`, which containerd puts before what it is given. A name that no kernel
 * knows is refused, since runtimes overlook it.
 */
export function readCapabilities(security: Fields<ContainerSecuritySpec>) {
  const capabilities = security.nested<NonNullable<ContainerSecuritySpec["capabilities"]>>("capabilities");
  const read = (key: "add" | "drop" | "ambient") =>
    capabilities.texts(key, key === "ambient" ? single : capability).map(plain);
  const lists = {
    addCapabilities: read("add"),
    dropCapabilities: read("drop"),
    addAmbientCapabilities: read("ambient"),
  };
  capabilities.end();
  return security.has("capabilities") ? lists : undefined;
}

function plain(name: string): string {
  return name.toUpperCase().replace(/^CAP_/, "");
}

function capability(name: string): string | undefined {
  return plain(name) === "ALL" ? undefined : single(name);
}

function single(name: string): string | undefined {
  if (known.has(plain(name))) return undefined;
  const meant = nearest(plain(name), known);
  return `must be a capability of Linux, as NET_ADMIN${meant === undefined ? "" : ` (did you mean ${meant}?)`}`;
}
