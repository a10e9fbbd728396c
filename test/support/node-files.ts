import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { create } from "@bufbuild/protobuf";
import { type ContainerConfig, ContainerConfigSchema } from "../../gen/runtime/v1/api_pb.js";
import type { Pod, PodSpec } from "../../src/kubernetes/api/index.js";
import type { ContainerFiles } from "../../src/kubernetes/config/container-files.js";
import type { VolumePlan } from "../../src/kubernetes/config/volume-plans.js";
import { LocalNodeFiles, type LocalNodeFilesOptions } from "../../src/kubernetes/node/local-node-files.js";
import { mountsWithin, readMountTable } from "../../src/kubernetes/node/mount-table.js";
import { type VolumeFolderKind, volumeFolder } from "../../src/kubernetes/node/pod-paths.js";
import { cleanup } from "./cleanup.js";
import { tempFolder } from "./temp.js";

export const podUid = "11111111-2222-3333-4444-555555555555";

/** For tests that mount. */
export const asRoot = { skip: process.geteuid?.() !== 0 && "needs root, to mount" };

/** A root folder of pods, and files on it. Everything is removed after the test, and nothing may be mounted then. */
export async function nodeOf(t: TestContext, options: Partial<LocalNodeFilesOptions> = {}) {
  const folder = await tempFolder(t);
  const rootDir = join(folder, "root");
  const podLogsDir = join(folder, "logs");
  await mkdir(rootDir);
  const files = new LocalNodeFiles({ rootDir, podLogsDir, ...options });
  cleanup(t, async () => {
    for (const uid of await files.listPods()) await files.removePod(uid);
  });
  return { folder, rootDir, podLogsDir, files };
}

export function podOf(spec: Partial<PodSpec> = {}, uid = podUid): Pod {
  return { metadata: { uid, namespace: "prod", name: "web-0" }, spec: { containers: [], ...spec } };
}

/** A volume of files, given as texts by their path. */
export function filesPlan(
  rootDir: string,
  name: string,
  texts: Readonly<Record<string, string>>,
  { isSecret = false, mode = 0o644, uid = podUid } = {},
): Extract<VolumePlan, { kind: "files" }> {
  const files = Object.entries(texts).map(([path, text]) => ({ path, content: Buffer.from(text), mode }));
  const hostPath = volumeFolder(rootDir, uid, isSecret ? "secret" : "configMap", name);
  return { name, kind: "files", hostPath, files, isSecret };
}

export function emptyDirPlan(
  rootDir: string,
  name: string,
  source: Extract<VolumePlan, { kind: "emptyDir" }>["source"] = {},
  kind: VolumeFolderKind = "emptyDir",
): Extract<VolumePlan, { kind: "emptyDir" }> {
  return { name, kind: "emptyDir", hostPath: volumeFolder(rootDir, podUid, kind, name), source };
}

/** A container that needs these files. Its mounts have the paths of the subPaths. */
export function containerOf(files: Partial<ContainerFiles> = {}, config: Partial<ContainerConfig> = {}) {
  const mounts = (files.subPaths ?? []).map(({ hostPath }, index) => ({
    hostPath,
    containerPath: `/mnt/${index}`,
  }));
  return {
    name: "app",
    config: { ...create(ContainerConfigSchema, { logPath: "app/0.log", mounts }), ...config },
    files: { subPaths: [], hosts: undefined, terminationLog: undefined, ...files },
  };
}

/** Returns where something is mounted at or below a folder. */
export async function mountsBelow(folder: string): Promise<readonly string[]> {
  return mountsWithin(await readMountTable(), folder).map(({ mountPoint }) => mountPoint);
}
