import { Fields } from "./fields.js";
import { containerPath } from "./paths.js";
import type { ContainerSecuritySpec } from "./spec-security.js";

/** What of the kernel a container does not see: the kubelet's list. Its paths of single CPUs would need a look at the host. */
const maskedPaths: readonly string[] = [
  "/proc/asound",
  "/proc/acpi",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/sys/firmware",
  "/sys/devices/virtual/powercap",
];

/** What it sees and cannot change. */
const readonlyPaths: readonly string[] = [
  "/proc/bus",
  "/proc/fs",
  "/proc/irq",
  "/proc/sys",
  "/proc/sysrq-trigger",
];

/** Runtimes hide nothing by themselves, so the lists are always sent. */
export function readProcMount(security: Fields<ContainerSecuritySpec>): {
  readonly maskedPaths: string[];
  readonly readonlyPaths: string[];
} {
  const value = security.raw("procMount");
  if (typeof value === "object" && value !== null) {
    const lists = new Fields<{ readonly maskedPaths: unknown; readonly readOnlyPaths: unknown }>(
      value,
      security.pathOf("procMount"),
      security.report,
    );
    for (const key of ["maskedPaths", "readOnlyPaths"] as const)
      if (!lists.has(key)) lists.missing(key, "a list of paths; it may be empty");
    const own = {
      maskedPaths: lists.texts("maskedPaths", containerPath),
      readonlyPaths: lists.texts("readOnlyPaths", containerPath),
    };
    lists.end();
    return own;
  }
  if (security.choice("procMount", { Default: false, Unmasked: true }, " or { maskedPaths, readOnlyPaths }"))
    return { maskedPaths: [], readonlyPaths: [] };
  return { maskedPaths: [...maskedPaths], readonlyPaths: [...readonlyPaths] };
}
