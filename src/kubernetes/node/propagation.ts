import { realpath } from "node:fs/promises";
import { dirname } from "node:path";
import { type Mount, MountPropagation } from "../../../gen/runtime/v1/api_pb.js";
import { codeOf } from "../../core/index.js";
import { mountOf, readMountTable } from "./mount-table.js";
import { volumeError } from "./volume-error.js";

/**
 * Checks that mounts can propagate as a container's config requires: `Bidirectional` needs a shared mount on the host, and `HostToContainer`
 * a shared mount or a slave. Runtimes refuse others when the container is created or started, with less clear errors.
 */
export async function checkPropagation(what: string, mounts: readonly Mount[]): Promise<void> {
  const propagating = mounts.filter(
    ({ propagation, hostPath }) => hostPath !== "" && propagation !== MountPropagation.PROPAGATION_PRIVATE,
  );
  if (propagating.length === 0) return;
  const table = await readMountTable();
  for (const { containerPath, hostPath, propagation } of propagating) {
    const mount = mountOf(table, await existingPart(hostPath));
    const isBidirectional = propagation === MountPropagation.PROPAGATION_BIDIRECTIONAL;
    if (!mount || mount.isShared || (!isBidirectional && mount.isSlave)) continue;
    const name = isBidirectional ? "Bidirectional" : "HostToContainer";
    throw volumeError(
      `${what}: mount of ${containerPath}`,
      `mountPropagation ${name}: ${hostPath} is on ${mount.mountPoint}, which is not a shared mount`,
      { hint: `Run: mount --make-rshared ${mount.mountPoint}` },
    );
  }
}

/** Returns the path without links; of a path that does not exist, the part that exists. */
async function existingPart(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT" || dirname(path) === path) throw error;
    return await existingPart(dirname(path));
  }
}
