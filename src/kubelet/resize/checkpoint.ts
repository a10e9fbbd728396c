import { mkdir, readdir, readFile, rename, unlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { codeOf, isRecord } from "../../core/index.js";
import { podFolder, podsFolder, type ResourceRequirements } from "../../kubernetes/index.js";

/** The resources of a pod and of its containers, by name. */
export interface PodResources {
  /** `spec.resources`. */
  readonly pod?: ResourceRequirements | undefined;
  readonly containers: Readonly<Record<string, ResourceRequirements>>;
}

/** What is kept of the resources of a pod. */
export interface ResourceRecord {
  /** What the node has given to the pod. */
  readonly allocated?: PodResources | undefined;
  /** `metadata.generation` of the Pod whose resources are allocated. */
  readonly generation?: number | undefined;
  /** What its containers run with, by name. */
  readonly actuated: Readonly<Record<string, ResourceRequirements>>;
}

const fileName = "resources.json";
const version = 1;

/**
 * Keeps the resources of pods on disk, in the folder of each pod: they are removed with it. Files are replaced as a whole, so that a process
 * that dies leaves the old one or the new one.
 */
export class ResourceCheckpoints {
  readonly #rootDir: string;

  constructor(rootDir: string) {
    this.#rootDir = rootDir;
  }

  /** Reads the records of all pods. One that is damaged counts as absent: then the Pod's own resources are allocated. */
  async readAll(): Promise<Map<string, ResourceRecord>> {
    const records = new Map<string, ResourceRecord>();
    for (const uid of await foldersIn(podsFolder(this.#rootDir))) {
      const record = await this.#read(uid);
      if (record) records.set(uid, record);
    }
    return records;
  }

  /** Writes a record. Calls for one pod must not overlap. */
  async write(podUid: string, record: ResourceRecord): Promise<void> {
    const path = this.#path(podUid);
    const next = `${path}.next`;
    await mkdir(dirname(path), { recursive: true, mode: 0o750 });
    try {
      await writeFile(next, JSON.stringify({ version, ...record }), { mode: 0o600 });
      await rename(next, path);
    } catch (error) {
      await unlink(next).catch(() => undefined);
      throw error;
    }
  }

  #path(podUid: string): string {
    return join(podFolder(this.#rootDir, podUid), fileName);
  }

  async #read(podUid: string): Promise<ResourceRecord | undefined> {
    let text: string;
    try {
      text = await readFile(this.#path(podUid), "utf8");
    } catch (error) {
      if (missing.has(codeOf(error) ?? "")) return undefined;
      throw error;
    }
    return parseRecord(text);
  }
}

const missing: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR"]);

async function foldersIn(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (missing.has(codeOf(error) ?? "")) return [];
    throw error;
  }
}

function parseRecord(text: string): ResourceRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(value) || value.version !== version || !isResourcesMap(value.actuated)) return undefined;
  const { actuated, allocated, generation } = value;
  if (allocated !== undefined && !isPodResources(allocated)) return undefined;
  return {
    actuated,
    ...(allocated && { allocated }),
    ...(typeof generation === "number" && { generation }),
  };
}

function isPodResources(value: unknown): value is PodResources {
  return (
    isRecord(value) && isResourcesMap(value.containers) && (value.pod === undefined || isResources(value.pod))
  );
}

function isResourcesMap(value: unknown): value is Record<string, ResourceRequirements> {
  return isRecord(value) && Object.values(value).every(isResources);
}

function isResources(value: unknown): value is ResourceRequirements {
  return isRecord(value) && [value.requests, value.limits].every((it) => it === undefined || isAmounts(it));
}

function isAmounts(value: unknown): boolean {
  return (
    isRecord(value) &&
    Object.values(value).every((amount) => typeof amount === "string" || typeof amount === "number")
  );
}
