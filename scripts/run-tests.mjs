// Runs node:test on the *.test.ts files below the named folders of test/, and on those directly in test/ when more
// than one folder is named. Node 20 finds no files by pattern itself.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const folders = process.argv.slice(2).filter((folder) => existsSync(join(root, "test", folder)));
const isTest = (name) => name.endsWith(".test.ts");
const below = (folder) =>
  readdirSync(join(root, "test", folder), { recursive: true })
    .filter(isTest)
    .map((file) => join("test", folder, file));
const atTop = readdirSync(join(root, "test"))
  .filter(isTest)
  .map((file) => join("test", file));
const files = [...(folders.length > 1 ? atTop : []), ...folders.flatMap(below)].sort();
if (files.length === 0) {
  console.error(`no test files in ${process.argv.slice(2).join(", ")}`);
  process.exit(1);
}

// A developer's own runtime is none of the tests' business.
const { CONTAINER_RUNTIME_ENDPOINT, IMAGE_SERVICE_ENDPOINT, CRI_CONFIG_FILE, ...env } = process.env;
// This reporter tells what failed once more at the end, where a log of CI is read first.
const options = ["--test", "--test-reporter=spec", "--test-timeout=3600000"];
const node = ["--conditions=cri-sdk-source", "--import", "tsx", ...options, ...files];
const { status } = spawnSync(process.execPath, node, { cwd: root, stdio: "inherit", env });
process.exit(status ?? 1);
