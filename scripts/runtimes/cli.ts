import { existsSync, realpathSync } from "node:fs";
import { parseArgs } from "node:util";
import { leftovers, type StartOptions, startRuntimes } from "./index.js";
import { installRuntimes } from "./install.js";
import { allReleases, parseReleases, type RuntimeRelease } from "./releases.js";
import { isRunFolder, runningOwner, tempRunFolders } from "./run-folder.js";
import { takeDown } from "./takedown.js";
import { waitFor } from "./wait.js";

const usage = `usage: tsx scripts/runtimes/cli.ts COMMAND
  install                            unpack the runtimes into the cache folder
  up [--which R,R…] [--dir D]        start the runtimes; run until Ctrl-C, then take everything down
  down [--dir D]                     clean up after runs whose process died (default: all in the temp folder);
                                     with --dir, also end a run that is still up

releases: ${allReleases.join(", ")} (default: all)`;

const log = (line: string): void => console.log(line);

async function up(which: readonly RuntimeRelease[], dir: string | undefined): Promise<void> {
  const startedAt = performance.now();
  const options: StartOptions = { which, log, ...(dir === undefined ? {} : { dir }) };
  const running = await startRuntimes(options);
  const ended = new Promise<void>((resolve) => {
    // A second signal reaches the guard, which takes the run down by force.
    for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => resolve());
  });
  log(`ready after ${((performance.now() - startedAt) / 1000).toFixed(1)} s in ${running.dir}`);
  for (const runtime of running.runtimes) log(`${runtime.name}  ${runtime.version}  ${runtime.endpoint}`);
  log(`registry  ${running.registry.url}`);
  for (const [name, reference] of Object.entries(running.images)) log(`image ${name}  ${reference}`);
  const keepAlive = setInterval(() => undefined, 60_000);
  await ended;
  clearInterval(keepAlive);
  await running.stop();
  log("everything was taken down");
}

async function down(dir: string | undefined): Promise<void> {
  const folders = dir === undefined ? tempRunFolders() : [existsSync(dir) ? realpathSync(dir) : dir];
  for (const folder of folders) {
    if (!isRunFolder(folder)) {
      log(`${folder}: not the folder of a run`);
      continue;
    }
    const owner = runningOwner(folder);
    if (owner !== undefined && dir === undefined) {
      log(`${folder}: in use by process ${owner.pid}; skipped`);
      continue;
    }
    if (owner !== undefined) {
      process.kill(owner.pid, "SIGTERM");
      await waitFor(`exit of process ${owner.pid}`, 60_000, () => (runningOwner(folder) ? undefined : true));
    }
    takeDown(folder);
    const remaining = leftovers(folder);
    if (remaining.length > 0) throw new Error(`${folder}: not removed:\n${remaining.join("\n")}`);
    log(`${folder}: taken down`);
  }
}

async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { which: { type: "string" }, dir: { type: "string" } },
  });
  const [command] = positionals;
  if (command === "install") log(`installed in ${(await installRuntimes({ log })).cacheDir}`);
  else if (command === "up") await up(parseReleases(values.which), values.dir);
  else if (command === "down") await down(values.dir);
  else throw new Error(usage);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
