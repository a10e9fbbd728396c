import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { cleanup } from "./cleanup.js";

/** A folder of the test's own, removed after it. Short, since a socket path has 107 bytes. */
export async function tempFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "cri-"));
  cleanup(t, () => rm(folder, { recursive: true, force: true }));
  return folder;
}
