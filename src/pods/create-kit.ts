import { CgroupDrivers } from "./cgroup-driver.js";
import { KeyedLocks } from "./keyed-locks.js";
import type { PodKit } from "./kit.js";
import { type PodsOptions, resolvePodsOptions } from "./options.js";

/** What pods and containers of one connection share. */
export function createPodKit(
  parts: Pick<PodKit, "runtime" | "lists" | "images" | "sessions" | "endpoint" | "hints">,
  options?: PodsOptions,
): PodKit {
  return Object.freeze<PodKit>({
    ...parts,
    ...resolvePodsOptions(options),
    cgroups: new CgroupDrivers(parts.runtime),
    locks: new KeyedLocks(),
  });
}
