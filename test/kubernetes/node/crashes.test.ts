// The process is killed at steps of preparing, updating and removing a pod's files. What it left is removed, or completed.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { LocalNodeFiles } from "../../../src/kubernetes/node/local-node-files.js";
import { subPathMountPath } from "../../../src/kubernetes/node/pod-paths.js";
import { crashingVolumes, preparePod, removePod, secretText } from "../../support/crashing-pod.js";
import { asRoot, mountsBelow, nodeOf, podUid } from "../../support/node-files.js";
import { runProgram } from "../../support/programs.js";
import { SeededRandom } from "../../support/random.js";

const program = "die-in-pod-files.ts";
/** How many of the steps are tried. All of them take minutes; CRI_SDK_TEST_ALL_STEPS=1 tries those from the first on. */
const kills = 24;

test("a process that dies at any step leaves nothing that stays", asRoot, async (t) => {
  const node = await nodeOf(t);
  const steps = Number(await runProgram(program, [node.rootDir, node.podLogsDir]));
  assert.ok(steps > 150, `${steps} steps`);
  assert.deepEqual([await node.files.listPods(), await mountsBelow(node.rootDir)], [[], []]);
  const random = new SeededRandom();
  t.diagnostic(`${steps} steps; CRI_SDK_TEST_SEED=${random.seed}`);
  const all = Array.from({ length: steps }, (_, index) => index + 1);
  const from = Number(process.env.CRI_SDK_TEST_ALL_STEPS);
  const chosen = from ? all.slice(from - 1) : all.filter(() => random.below(steps) < kills);
  const left = [...chosen];
  const worker = async () => {
    for (let step = left.shift(); step !== undefined; step = left.shift()) await dieAt(node.folder, step);
  };
  await Promise.all([worker(), worker()]);
});

async function dieAt(folder: string, step: number): Promise<void> {
  const rootDir = join(folder, String(step));
  const podLogsDir = join(rootDir, "logs");
  mkdirSync(rootDir);
  assert.equal(
    await runProgram(program, [rootDir, podLogsDir, String(step)]),
    "",
    `step ${step} was not reached`,
  );
  const files = new LocalNodeFiles({ rootDir, podLogsDir });
  try {
    if (step % 2 === 0) await checkCompletion(files, rootDir);
    else await checkSecret(rootDir);
  } catch (error) {
    throw new Error(`after a kill at step ${step}`, { cause: error });
  } finally {
    await removePod(files);
  }
  await removePod(files);
  assert.deepEqual(await mountsBelow(rootDir), [], `mounts after step ${step}`);
  const rest = readdirSync(rootDir, { recursive: true }).filter(
    (name) => !/^(pods|logs|user-namespaces\.lock)$/.test(String(name)),
  );
  assert.deepEqual(rest, [], `files after step ${step}`);
}

/** The next process completes what was begun. */
async function checkCompletion(files: LocalNodeFiles, rootDir: string): Promise<void> {
  await preparePod(files, rootDir, "again");
  const [disk, memory, config, secret] = crashingVolumes(rootDir, "again");
  for (const { hostPath } of [disk, memory]) {
    const { mode, gid } = statSync(hostPath);
    assert.deepEqual([(mode & 0o7777).toString(8), gid], ["2777", 4321], hostPath);
  }
  assert.equal(readFileSync(join(config.hostPath, "dir/file"), "utf8"), "again");
  assert.equal(readFileSync(join(secret.hostPath, "key"), "utf8"), `${secretText} again`);
  assert.equal(readFileSync(subPathMountPath(rootDir, podUid, "config", "app", 0), "utf8"), "again");
  assert.equal((await mountsBelow(rootDir)).length, 4);
  const hidden = readdirSync(config.hostPath).filter((name) => name.startsWith(".."));
  assert.equal(hidden.length, 2, hidden.join(" "));
}

/** Without the mounts, which a reboot removes, nothing of the secret is left. */
async function checkSecret(rootDir: string): Promise<void> {
  for (const place of await mountsBelow(rootDir)) execFileSync("umount", [place]);
  if (!existsSync(join(rootDir, "pods"))) return;
  const { status, stdout } = spawnSync("grep", ["-r", secretText, rootDir], { encoding: "utf8" });
  assert.deepEqual([status, stdout], [1, ""]);
}
