// A machine that is made of files, for the tests of the Node.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { HostFiles } from "../../../src/kubernetes/index.js";
import { tempFolder } from "../../support/temp.js";

/** Returns the files of a machine that has just these. */
export async function hostOf(
  t: TestContext,
  files: Readonly<Record<string, string>>,
): Promise<HostFiles & { readonly write: (path: string, text: string) => void }> {
  const root = await tempFolder(t);
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  for (const [path, text] of Object.entries(files)) write(path, text);
  return Object.assign(new HostFiles(root), { write });
}
