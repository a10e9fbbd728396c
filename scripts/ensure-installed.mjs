// Makes every npm script work as the first command after a clone: installs the dependencies if they are missing or older
// than the lock file. Plain JavaScript, since it runs before anything is installed.
import { spawnSync } from "node:child_process";
import { existsSync, statSync, utimesSync } from "node:fs";

const root = new URL("..", import.meta.url);
const lock = new URL("package-lock.json", root);
const installed = new URL("node_modules/.package-lock.json", root);

if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(lock).mtimeMs) {
  const { status } = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], {
    cwd: root,
    stdio: ["ignore", 2, 2],
  });
  if (status !== 0) process.exit(status ?? 1);
  // npm does not touch this file if nothing changed, and the next run would install again.
  const now = new Date();
  utimesSync(installed, now, now);
}
