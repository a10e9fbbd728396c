import { chmod, chown, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseQuantity } from "../../pods/index.js";
import type { VolumePlan } from "../config/volume-plans.js";
import { ensureFolder, isFileSystemRoot } from "./folders.js";
import { ensureMemory } from "./memory.js";
import type { VolumeContext } from "./volume-context.js";
import { volumeError } from "./volume-error.js";

/** All users may write; with fsGroup, what they create belongs to the group. */
const openMode = 0o777;
const setgid = 0o2000;

/**
 * Prepares an emptyDir volume: a folder with mode 0777, or a tmpfs for medium Memory. A volume that containers have used is left as it is;
 * a file `ready` in the pod's folder marks it, as the kubelet does it.
 */
export async function prepareEmptyDir(
  plan: Extract<VolumePlan, { kind: "emptyDir" }>,
  context: VolumeContext,
): Promise<void> {
  const { what, podFolder, notice, fsGroup } = context;
  const { source, hostPath, name } = plan;
  const { medium = "" } = source;
  if (medium.startsWith("HugePages")) throw volumeError(what, `emptyDir.medium ${medium} is not supported`);
  if (medium !== "" && medium !== "Memory")
    throw volumeError(what, `emptyDir.medium ${JSON.stringify(medium)} is unknown`);
  const markers = join(podFolder, "plugins", "kubernetes.io~empty-dir", name);
  const marker = join(markers, "ready");
  // A removal that was interrupted may have left the marker.
  const isNew = await ensureFolder(hostPath);
  const isReady = !isNew && (await exists(marker));
  if (medium === "Memory") {
    // After a reboot, there is a marker without a mount.
    const isMounted = await isFileSystemRoot(hostPath);
    if (isReady && (isMounted || !context.mayMount)) return;
    await ensureMemory(hostPath, memoryOptions(plan), context);
  } else {
    if (isReady) return;
    if (source.sizeLimit !== undefined) notice("emptyDir.sizeLimit is not enforced on disk");
  }
  if (fsGroup !== undefined) await chown(hostPath, -1, fsGroup);
  await chmod(hostPath, fsGroup === undefined ? openMode : openMode | setgid);
  await ensureFolder(markers);
  await writeFile(marker, "");
}

function memoryOptions({ source, sizeLimitBytes }: Extract<VolumePlan, { kind: "emptyDir" }>): string[] {
  const limit =
    sizeLimitBytes ?? (source.sizeLimit === undefined ? 0n : parseQuantity(source.sizeLimit).value());
  // For tmpfs, a size of 0 is no limit; so it is in Kubernetes.
  return limit > 0n ? ["mode=0777", `size=${limit}`] : ["mode=0777"];
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
