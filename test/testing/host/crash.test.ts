import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { hostDriver } from "../../../src/testing/embedded/host/driver.js";
import { nodeArgs } from "../../support/checkout.js";
import { checkHostCrashes, driverIdOf } from "../../support/host-crashes.js";
import { containerConfig, markedProcesses, outcomeOf, sh } from "../../support/host-driver.js";
import { tempFolder } from "../../support/temp.js";
import { until, within } from "../../support/waiting.js";

test(
  "after each of 4 kills at random moments, the next start ends all processes",
  { timeout: 120_000 },
  (t) => checkHostCrashes(t, 4),
);

test("a program that exits without closing its driver leaves no process running", async (t) => {
  const stateDir = `${await tempFolder(t)}/state`;
  const args = nodeArgs("test/testing/host/programs/exit-without-close.ts", stateDir);
  const [code] = await within(20_000, once(spawn(process.execPath, args, { stdio: "inherit" }), "exit"));
  assert.equal(code, 3);
  const id = (await driverIdOf(stateDir)) ?? "none";
  // A killed process takes a moment to end.
  await until(async () => (await markedProcesses(id)).length === 0, "no process is left", 5_000);
  await (await hostDriver({ stateDir }))[Symbol.asyncDispose]();
});

test("after a crash, a process that cleared its environment is found by its session", {
  skip: process.platform !== "linux",
}, async (t) => {
  const stateDir = `${await tempFolder(t)}/state`;
  // Simulates a crash: the lock names a process that has exited.
  const first = await hostDriver({ stateDir });
  const container = containerConfig();
  await first.create(container);
  const started = await first.start(container, sh("echo ready; exec env -i sleep 500"));
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
