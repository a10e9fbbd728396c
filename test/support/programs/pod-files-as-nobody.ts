// Prepares volumes and a subPath, and prints the notices or the error of each step.
import { readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../../src/core/index.js";
import type { VolumePlan } from "../../../src/kubernetes/config/volume-plans.js";
import { LocalNodeFiles } from "../../../src/kubernetes/node/local-node-files.js";
import { subPathMountPath } from "../../../src/kubernetes/node/pod-paths.js";
import { containerOf, emptyDirPlan, filesPlan, podOf, podUid } from "../node-files.js";

const [rootDir = "", podLogsDir = "", mode] = process.argv.slice(2);
const withoutMounts = mode === "allow" ? "allow" : "refuse";
const files = new LocalNodeFiles({ rootDir, podLogsDir, withoutMounts });
const results: Record<string, string | readonly string[]> = {};

async function record(step: string, work: () => Promise<string | readonly string[]>): Promise<void> {
  results[step] = await work().catch((error: unknown) => messageOf(error));
}

const prepare = (step: string, plan: VolumePlan, spec = {}) =>
  record(step, async () => (await files.preparePod(podOf(spec), [plan])).notices);

const config = filesPlan(rootDir, "config", { "app.conf": "text" });
const disk = emptyDirPlan(rootDir, "disk");
await prepare("config", config);
await prepare("disk", disk);
await prepare("secret", filesPlan(rootDir, "tls", { key: "secret" }, { isSecret: true }));
await prepare("memory", emptyDirPlan(rootDir, "shm", { medium: "Memory", sizeLimit: "1Mi" }));
await prepare("fsGroup", emptyDirPlan(rootDir, "data"), { securityContext: { fsGroup: 4321 } });

async function mount(volumePath: string, subPath: string) {
  const field = "spec.containers[0].volumeMounts[0].subPath";
  const hostPath = subPathMountPath(rootDir, podUid, "v", "app", 0);
  const subPaths = [{ field, volumePath, subPath, hostPath }];
  return await files.prepareContainer(podOf(), containerOf({ subPaths }));
}
await record("subPath", async () => (await mount(config.hostPath, "app.conf")).notices);
await record("subPathContent", async () => {
  const { mounts } = (await mount(config.hostPath, "app.conf")).config;
  return readFileSync(mounts[0]?.hostPath ?? "", "utf8");
});
symlinkSync("/etc", join(disk.hostPath, "link"));
await record("outside", async () => (await mount(disk.hostPath, "link")).notices);
await files.removePod(podUid);
console.log(JSON.stringify(results));
