import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { hostDriver } from "../../src/testing/embedded/host/driver.js";
import { nodeArgs } from "./checkout.js";
import { markedProcesses } from "./host-driver.js";
import { SeededRandom } from "./random.js";
import { tempFolder } from "./temp.js";
import { within } from "./waiting.js";

const concurrency = 2;

/**
 * Kills programs that use a host driver at random moments. After each kill, a new driver on the same folder must end all
 * processes that were left running and remove their containers.
 */
export async function checkHostCrashes(t: TestContext, kills: number): Promise<void> {
  const random = new SeededRandom();
  t.diagnostic(`CRI_SDK_TEST_SEED=${random.seed}`);
  const folder = await tempFolder(t);
  // Identifies the processes of this test, also those that have cleared their environment.
  const sleepSeconds = String(10_000_000 + random.below(10_000_000));
  let [started, orphans] = [0, 0];
  const worker = async (name: number) => {
    while (started++ < kills) orphans += await killOnce(`${folder}/${name}`, sleepSeconds, random);
  };
  await Promise.all(Array.from({ length: concurrency }, (_, index) => worker(index)));
  t.diagnostic(`${orphans} orphaned processes`);
  assert.ok(orphans >= kills, "too few processes were running when the programs were killed");
  assert.deepEqual(await processesEndingWith(` sleep ${sleepSeconds}`), []);
}

/** Returns the number of processes that the killed program left running. */
async function killOnce(stateDir: string, sleepSeconds: string, random: SeededRandom): Promise<number> {
  const args = nodeArgs("test/support/programs/victim.ts", stateDir, sleepSeconds);
  const victim = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const closed = once(victim, "close");
  // Few lines: it is killed while it opens the folder. Most are killed while they start and remove processes.
  const [lines, afterMs] = [random.below(12), random.below(40)];
  let seen = 0;
  for await (const _ of createInterface({ input: victim.stdout })) if (seen++ >= lines) break;
  await pause(afterMs);
  victim.kill("SIGKILL");
  await within(10_000, closed, "the exit of the killed program");
  const orphans = (await markedProcesses((await driverIdOf(stateDir)) ?? "none")).length;

  const driver = await hostDriver({ stateDir });
  try {
    const id = await driverIdOf(stateDir);
    assert.ok(id);
    const running = (await markedProcesses(id)).map(({ pid }) => pid);
    assert.deepEqual(running, [], `still running; killed ${afterMs} ms after ${lines} lines`);
    assert.deepEqual(await readdir(`${stateDir}/containers`), []);
  } finally {
    await driver[Symbol.asyncDispose]();
  }
  return orphans;
}

/** The id with which a driver marks its processes; undefined before a driver has opened the folder. */
export async function driverIdOf(stateDir: string): Promise<string | undefined> {
  const text = await readFile(`${stateDir}/cri-sdk.json`, "utf8").catch(() => undefined);
  return text === undefined ? undefined : JSON.parse(text).id;
}

async function processesEndingWith(text: string): Promise<string[]> {
  const { stdout } = await promisify(execFile)("ps", ["axww", "-o", "pid=,command="]);
  return stdout.split("\n").filter((line) => line.endsWith(text));
}
