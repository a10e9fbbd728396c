// Installs other releases of Node, and other JavaScript runtimes, from the npm registry into a cache, so that tests can run on them.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";

const cache = process.env.CRI_SDK_NODE_CACHE || "/var/cache/cri-sdk-node";
const releasePackage = `node-${process.platform}-${process.arch}`;

/** Returns the path of a Node executable, for a version such as `22` or `20.19`. */
export function installNode(version) {
  return install(
    `Node ${version}`,
    version,
    `${releasePackage}@${version}`,
    join(releasePackage, "bin", "node"),
  );
}

/** Returns the path of a Bun executable. */
export function installBun(version = "1.4") {
  return install(`Bun ${version}`, `bun-${version}`, `bun@${version}`, join(".bin", "bun"));
}

/** Returns the path of a Deno executable. */
export function installDeno(version = "2.9") {
  return install(`Deno ${version}`, `deno-${version}`, `deno@${version}`, join(".bin", "deno"));
}

/** Installs a package once. Returns the path of an executable in its `node_modules`. */
export function install(name, folder, packages, executable) {
  const path = join(cache, folder, "node_modules", executable);
  if (existsSync(path)) return path;
  mkdirSync(join(cache, folder), { recursive: true });
  const args = ["install", "--prefix", join(cache, folder), "--no-audit", "--no-fund", ...[packages].flat()];
  const { status } = spawnSync("npm", args, { stdio: ["ignore", 2, 2] });
  if (status !== 0 || !existsSync(path)) throw new Error(`${name} could not be installed`);
  return path;
}
