// CRI's Linux resources as those of the engine, and back.
import { readFileSync } from "node:fs";
import type { LinuxContainerResources } from "cri-sdk/v1";
import type { EngineResources, HostConfig } from "../engine/api.js";
import { unsupported } from "../errors.js";

type Resources = Omit<LinuxContainerResources, "$typeName" | "$unknown">;

/** Returns the engine's resources; what is 0 or empty in CRI is left out, which means "no limit", or in an update "unchanged". */
export function engineResources(resources: Resources | undefined): EngineResources {
  if (!resources) return {};
  const { cpuPeriod, cpuQuota, cpuShares, cpusetCpus, cpusetMems, hugepageLimits, unified } = resources;
  const nonZero = hugepageLimits.find(({ limit }) => limit > 0n);
  if (nonZero) throw lacking(`hugepage_limits: a limit for pages of ${nonZero.pageSize}`);
  const [file] = Object.keys(unified);
  if (file !== undefined) throw lacking(`unified: ${file}`);
  const { memoryLimitInBytes: memory, memorySwapLimitInBytes: swap } = resources;
  return {
    ...(cpuPeriod !== 0n && { CpuPeriod: Number(cpuPeriod) }),
    ...(cpuQuota !== 0n && { CpuQuota: Number(cpuQuota) }),
    ...(cpuShares !== 0n && { CpuShares: Number(cpuShares) }),
    ...(cpusetCpus !== "" && { CpusetCpus: cpusetCpus }),
    ...(cpusetMems !== "" && { CpusetMems: cpusetMems }),
    // Without its own value, the engine would permit as much swap as memory; CRI's runtimes permit none.
    ...(memory !== 0n && { Memory: Number(memory), MemorySwap: Number(swap === 0n ? memory : swap) }),
  };
}

function lacking(what: string): Error {
  return unsupported(`linux.resources.${what} cannot be set through the Docker Engine`);
}

/** Returns what is in force, for ContainerStatus.resources. */
export function criResources(host: HostConfig) {
  return {
    linux: {
      cpuPeriod: BigInt(host.CpuPeriod ?? 0),
      cpuQuota: BigInt(host.CpuQuota ?? 0),
      cpuShares: BigInt(host.CpuShares ?? 0),
      memoryLimitInBytes: BigInt(host.Memory ?? 0),
      memorySwapLimitInBytes: BigInt(host.MemorySwap ?? 0),
      oomScoreAdj: BigInt(host.OomScoreAdj ?? 0),
      cpusetCpus: host.CpusetCpus ?? "",
      cpusetMems: host.CpusetMems ?? "",
    },
  };
}

/** Returns an OOM score that this machine can set: lowering it below one's own needs CAP_SYS_RESOURCE. */
export function oomScore(wanted: bigint, restrict: boolean): number {
  const own = Number(readFileSync("/proc/self/oom_score_adj", "utf8"));
  return restrict ? Math.max(Number(wanted), own) : Number(wanted);
}

/** Returns a cgroup parent in the form of the engine's driver: systemd wants the name of a slice, cgroupfs a path. */
export function cgroupParent(path: string, driver: string): string {
  return driver === "systemd" ? (path.split("/").at(-1) ?? "") : path;
}
