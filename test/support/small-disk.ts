import { execFileSync, spawnSync } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { cleanup } from "./cleanup.js";
import { tempFolder } from "./temp.js";
import { until } from "./waiting.js";

/** Mounts a file system of this size on a folder. Returns a function that unmounts it. Needs root. */
export function mountSmallDisk(folder: string, sizeBytes: number): () => Promise<void> {
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${sizeBytes},nr_inodes=1000`, "cri-test", folder]);
  // A file that is being closed keeps it busy for a moment.
  const unmount = () => spawnSync("umount", [folder]).status === 0;
  return () => until(unmount, `${folder} is unmounted`, 10_000);
}

/** Returns a folder on a file system of this size, which is unmounted after the test. */
export async function smallDisk(t: TestContext, sizeBytes: number): Promise<string> {
  const folder = join(await tempFolder(t), "disk");
  await mkdir(folder);
  cleanup(t, mountSmallDisk(folder, sizeBytes));
  return folder;
}
