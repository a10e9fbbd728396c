import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { cleanup } from "./cleanup.js";

/** Creates a folder that is removed after the test. Its path is short, since a socket path has at most 107 bytes. */
export async function tempFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "cri-"));
  // Retries: a process that was just killed may still create a file.
  cleanup(t, () => rm(folder, { recursive: true, force: true, maxRetries: 10 }));
  return folder;
}
