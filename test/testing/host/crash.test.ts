import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { hostDriver } from "../../../src/testing/embedded/host/host-driver.js";
import { SeededRandom } from "../../support/random.js";
import { tempFolder } from "../../support/temp.js";
import { within } from "../../support/waiting.js";
import { container, marked, outcomeOf, sh } from "./support.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const kills = Number(process.env.CRI_SDK_TEST_KILLS ?? 12);
const lanes = 2;

/** The program that is killed, as one file: it then starts in a tenth of the time. */
async function bundleVictim(folder: string): Promise<string> {
  // What tsx, which these tests run with, translates with.
  const { build } = createRequire(import.meta.resolve("tsx"))("esbuild") as typeof import("esbuild");
  const outfile = `${folder}/victim.mjs`;
  const entryPoints = [fileURLToPath(new URL("programs/victim.ts", import.meta.url))];
  await build({ entryPoints, outfile, bundle: true, platform: "node", format: "esm", logLevel: "error" });
  return outfile;
}

/** Kills a program that uses the folder, at a moment of its life; gives how many processes it left behind. */
async function killOnce(program: string, stateDir: string, random: SeededRandom): Promise<number> {
  const victim = spawn(process.execPath, [program, stateDir], { stdio: ["ignore", "pipe", "inherit"] });
  const killed = once(victim, "close");
  // Some die while they open the folder, most while they start processes and end them.
  const [lines, afterMs] = [random.below(12), random.below(40)];
  let seen = 0;
  for await (const _ of createInterface({ input: victim.stdout })) if (seen++ >= lines) break;
  await pause(afterMs);
  victim.kill("SIGKILL");
  await within(10_000, killed, "the end of the victim");
  const left = (await marked((await idOf(stateDir)) ?? "none")).length;
  const driver = await hostDriver({ stateDir });
  try {
    const id = await idOf(stateDir);
    assert.ok(id);
    const still = (await marked(id)).map(({ pid }) => pid);
    assert.deepEqual(still, [], `left after ${lines} lines and ${afterMs} ms`);
    assert.deepEqual(await readdir(`${stateDir}/containers`), []);
  } finally {
    await driver[Symbol.asyncDispose]();
  }
  return left;
}

async function idOf(stateDir: string): Promise<string | undefined> {
  const text = await readFile(`${stateDir}/cri-sdk.json`, "utf8").catch(() => undefined);
  return text === undefined ? undefined : JSON.parse(text).id;
}

test(`after ${kills} kills at any moment, the next start leaves no process behind`, {
  timeout: 300_000,
}, async (t) => {
  const random = new SeededRandom();
  t.diagnostic(`CRI_SDK_TEST_SEED=${random.seed}`);
  const folder = await tempFolder(t);
  const program = await bundleVictim(folder);
  const before = await sleepers();
  let [todo, orphans] = [kills, 0];
  const lane = async (name: number) => {
    while (todo-- > 0) orphans += await killOnce(program, `${folder}/${name}`, random);
  };
  await Promise.all(Array.from({ length: lanes }, (_, at) => lane(at)));
  t.diagnostic(`${orphans} processes had been left behind`);
  assert.ok(orphans >= kills, "hardly any process was there to be left behind");
  // Nor one that forgot its environment: each of these programs starts such a sleeper, by a number of its own.
  assert.deepEqual(await sleepers(), before);
});

/** The processes that sleep as long as only the victim's do. */
async function sleepers(): Promise<string[]> {
  const { stdout } = await promisify(execFile)("ps", ["axww", "-o", "pid=,command="]);
  return stdout.split("\n").filter((line) => line.endsWith(" sleep 54321"));
}

test("a program that exits without closing its driver leaves nothing running", async (t) => {
  const stateDir = `${await tempFolder(t)}/state`;
  const script = `
    import { hostDriver } from "./src/testing/embedded/host/host-driver.js";
    const main = async () => {
      const driver = await hostDriver({ stateDir: ${JSON.stringify(stateDir)} });
      const one = { id: "a", pod: { id: "p", ip: undefined, hostname: "p" }, image: "", mounts: [], user: undefined };
      await driver.create(one);
      const args = ["sh", "-c", "(setsid sleep 500 &); echo ready; exec env -i sleep 500"];
      const started = await driver.start(one, { args, env: {}, workingDir: "", tty: false, stdin: false });
      started.stdout.on("data", () => process.exit(3));
    };
    void main();`;
  const args = ["--conditions=cri-sdk-source", "--import", "tsx", "--input-type=module", "-e", script];
  const [code] = await within(
    20_000,
    once(spawn(process.execPath, args, { cwd: root, stdio: "inherit" }), "exit"),
  );
  assert.equal(code, 3);
  assert.deepEqual(await marked((await idOf(stateDir)) ?? "none"), []);
  await (await hostDriver({ stateDir }))[Symbol.asyncDispose]();
});

test("a program that forgets its environment is found by its session after a crash", {
  skip: process.platform !== "linux",
}, async (t) => {
  const stateDir = `${await tempFolder(t)}/state`;
  // The driver is left as a crash leaves it: its lock names a process that has ended.
  const first = await hostDriver({ stateDir });
  const one = container();
  await first.create(one);
  const started = await first.start(one, sh("echo ready; exec env -i sleep 500"));
  await once(started.stdout, "data");
  await pause(50);
  await leaveLock(stateDir);
  const second = await hostDriver({ stateDir });
  assert.equal((await within(5_000, outcomeOf(started))).exitCode, 137);
  await second[Symbol.asyncDispose]();
  await first[Symbol.asyncDispose]();
});

async function leaveLock(stateDir: string): Promise<void> {
  const ended = spawn("true");
  await once(ended, "exit");
  await writeFile(`${stateDir}/cri-sdk.lock`, JSON.stringify({ pid: ended.pid, start: "0-0" }));
}
