import { chmod, lstat, readdir, rm } from "node:fs/promises";
import { systemCode } from "./failures.js";

/**
 * Removes a folder and what is in it. Links are removed and never followed: what they lead to belongs to the host.
 * Folders that their owner made unreadable are made readable first.
 */
export async function removeTree(path: string): Promise<void> {
  try {
    // Retried where a process that was killed still had a file to write.
    await rm(path, { recursive: true, force: true, maxRetries: 3, retryDelay: 20 });
  } catch (error) {
    if (!["EACCES", "EPERM"].includes(systemCode(error) ?? "")) throw error;
    await openFolders(path);
    await rm(path, { recursive: true, force: true, maxRetries: 3, retryDelay: 20 });
  }
}

async function openFolders(path: string): Promise<void> {
  if (!(await lstat(path)).isDirectory()) return;
  await chmod(path, 0o700);
  for (const entry of await readdir(path, { withFileTypes: true }))
    if (entry.isDirectory()) await openFolders(`${path}/${entry.name}`);
}
