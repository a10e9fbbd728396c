// A pod with a volume of every kind, for crashes at each step.
import type { LocalNodeFiles } from "../../src/kubernetes/node/local-node-files.js";
import { hostsFilePath, subPathMountPath, terminationLogPath } from "../../src/kubernetes/node/pod-paths.js";
import { containerOf, emptyDirPlan, filesPlan, podOf, podUid } from "./node-files.js";

export const secretText = "the-secret-that-must-not-be-on-disk";
const field = "spec.containers[0].volumeMounts[0].subPath";
const pod = podOf({ securityContext: { fsGroup: 4321 } });

export function crashingVolumes(rootDir: string, text: string) {
  return [
    emptyDirPlan(rootDir, "disk"),
    emptyDirPlan(rootDir, "memory", { medium: "Memory", sizeLimit: "1Mi" }),
    filesPlan(rootDir, "config", { "app.conf": text, "dir/file": text }),
    filesPlan(rootDir, "tls", { key: `${secretText} ${text}` }, { isSecret: true, mode: 0o400 }),
  ] as const;
}

export async function preparePod(files: LocalNodeFiles, rootDir: string, text: string): Promise<void> {
  const volumes = crashingVolumes(rootDir, text);
  await files.userNamespaceHostId(podUid);
  await files.preparePod(pod, volumes);
  const parts = [
    [volumes[2], "app.conf"],
    [volumes[0], "new/folder"],
  ] as const;
  const subPaths = parts.map(([volume, subPath], index) => ({
    ...{ field, volumePath: volume.hostPath, subPath },
    hostPath: subPathMountPath(rootDir, podUid, volume.name, "app", index),
  }));
  const hosts = { hostPath: hostsFilePath(rootDir, podUid), content: "127.0.0.1\tlocalhost\n" };
  const terminationLog = terminationLogPath(rootDir, podUid, "app", "00000000");
  await files.prepareContainer(pod, containerOf({ subPaths, hosts, terminationLog }));
}

export async function updatePod(files: LocalNodeFiles, rootDir: string, text: string): Promise<void> {
  await files.updateVolumes(pod, crashingVolumes(rootDir, text));
}

export async function removePod(files: LocalNodeFiles): Promise<void> {
  await files.removePod(podUid);
  await files.removeLogs(podUid);
}
