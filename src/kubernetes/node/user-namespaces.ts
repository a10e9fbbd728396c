import { constants } from "node:fs";
import { open, readdir, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { codeOf, isRecord } from "../../core/index.js";
import { ensureFolder } from "./folders.js";
import { podFolder, podsFolder } from "./pod-paths.js";
import { checkExit, runProgram } from "./programs.js";
import { volumeError } from "./volume-error.js";

/** The ids of a pod's user namespace. */
export const idsPerPod = 65_536;
/** The kernel's ids have 32 bits. */
const idLimit = 2 ** 32;
const fileName = "userns";

/** The ids of the host that pods may have. */
export interface UserNamespaceIds {
  /** A multiple of 65,536. */
  readonly firstHostId: number;
  /** The number of pods that may have ids at a time. */
  readonly pods: number;
}

/** The ids after those of the host itself. */
export const defaultUserNamespaceIds: UserNamespaceIds = {
  firstHostId: idsPerPod,
  pods: idLimit / idsPerPod - 2,
};

/**
 * Returns the first of the 65,536 ids of a pod; assigns them on the first call. They are in a file of the pod's folder, in the kubelet's
 * format, and free again when that folder is removed. Processes that share a root folder assign one after the other: a lock on a file,
 * which the kernel releases when its owner ends.
 */
export async function assignUserNamespace(
  rootDir: string,
  podUid: string,
  ids: UserNamespaceIds,
  timeoutMs: number,
): Promise<number> {
  const own = podFolder(rootDir, podUid);
  await ensureFolder(own);
  const lock = await open(join(rootDir, "user-namespaces.lock"), constants.O_RDWR | constants.O_CREAT, 0o600);
  try {
    // The lock belongs to the open file, which is also that of this process: it lasts until the file is closed.
    const args = ["--exclusive", "--timeout", String(Math.ceil(timeoutMs / 1000)), "3"];
    const exit = await runProgram("flock", args, { fd: lock.fd, timeoutMs: timeoutMs + 1000 });
    checkExit(exit, `lock ${join(rootDir, "user-namespaces.lock")}`);
    return (await readHostId(own)) ?? (await assign(rootDir, podUid, ids));
  } finally {
    await lock.close();
  }
}

async function assign(rootDir: string, podUid: string, ids: UserNamespaceIds): Promise<number> {
  const used = new Set<number>();
  for (const pod of await readdir(podsFolder(rootDir))) {
    const hostId = await readHostId(join(podsFolder(rootDir), pod));
    if (hostId !== undefined) used.add(hostId);
  }
  for (let slot = 0; slot < ids.pods; slot++) {
    const hostId = ids.firstHostId + slot * idsPerPod;
    if (used.has(hostId)) continue;
    await writeHostId(podFolder(rootDir, podUid), hostId);
    return hostId;
  }
  throw volumeError("hostUsers", `all ${ids.pods} ranges of user ids are used by other pods`);
}

/** Returns undefined for a pod without ids. A damaged file is an error: its pod may use the ids that another one would get. */
async function readHostId(folder: string): Promise<number | undefined> {
  const path = join(folder, fileName);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return undefined;
    throw error;
  }
  const hostId = hostIdOf(text);
  if (hostId === undefined) throw volumeError(path, "is not a file with user id mappings");
  return hostId;
}

function hostIdOf(text: string): number | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(value) || !Array.isArray(value.uidMappings)) return undefined;
  const [mapping]: unknown[] = value.uidMappings;
  if (!isRecord(mapping)) return undefined;
  const { hostId, length } = mapping;
  const isValid = typeof hostId === "number" && hostId % idsPerPod === 0 && length === idsPerPod;
  return isValid ? hostId : undefined;
}

async function writeHostId(folder: string, hostId: number): Promise<void> {
  const mappings = [{ hostId, containerId: 0, length: idsPerPod }];
  const next = join(folder, `${fileName}.tmp`);
  const file = await open(next, "w", 0o600);
  try {
    await file.writeFile(JSON.stringify({ uidMappings: mappings, gidMappings: mappings }));
    // The name must not lead to an empty file after a power failure.
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(next, join(folder, fileName));
}
