import { join } from "node:path";
import type { HostFiles } from "./host-files.js";

const mount = "/sys/fs/cgroup";

/** What this node's cgroups can do. */
export interface CgroupFacts {
  readonly cgroupVersion: 1 | 2;
  readonly hasHugetlbController: boolean;
  readonly hasSwapController: boolean;
}

/**
 * Returns the version of cgroups of this node, and whether huge pages and swap can be limited. A node with both hierarchies counts as
 * version 1, as for runtimes.
 */
export async function cgroupsOf(files: HostFiles): Promise<CgroupFacts> {
  const controllers = await files.text(`${mount}/cgroup.controllers`);
  const own = parseOwnCgroups((await files.text("/proc/self/cgroup")) ?? "");
  const isVersion2 = controllers !== undefined || (own.has("") && own.size === 1);
  if (isVersion2)
    return {
      cgroupVersion: 2,
      hasHugetlbController: (controllers ?? "").split(/\s+/).includes("hugetlb"),
      // The root cgroup has no such file, so the cgroup of this process is read instead.
      hasSwapController: await files.exists(join(mount, own.get("") ?? "/", "memory.swap.max")),
    };
  return {
    cgroupVersion: 1,
    hasHugetlbController: await files.exists(`${mount}/hugetlb`),
    hasSwapController: await files.exists(`${mount}/memory/memory.memsw.limit_in_bytes`),
  };
}

/** Returns the cgroups of a process by controller; "" is that of version 2. */
function parseOwnCgroups(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split("\n").flatMap((line) => {
      const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
      return controllers === undefined || path === undefined ? [] : [[controllers, path] as const];
    }),
  );
}
