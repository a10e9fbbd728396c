// The recordings of real runtimes: their behaviour is tested on machines without one. `npm run test:runtimes` makes them.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { shellCommands } from "../../../src/testing/index.js";
import { checkLeaks } from "../../support/leaks.js";
import { committedRecordings, replayScenario } from "../../support/recordings/recordings.js";
import { scriptedCommands } from "../../support/scripted-programs.js";
import { tempFolder } from "../../support/temp.js";
import { within } from "../../support/waiting.js";

const runtimes = [
  "containerd-1.6",
  "containerd-1.7",
  "containerd-2.1",
  "docker-20.10",
  "docker-26.1",
  "embedded",
];

test("there is a recording of each runtime", () => {
  assert.deepEqual([...committedRecordings().keys()].sort(), runtimes);
});

for (const [runtime, file] of committedRecordings())
  test(`${runtime}: the scenario runs on the recording`, { timeout: 120_000 }, async (t) => {
    checkLeaks(t);
    const commands = runtime === "embedded" ? scriptedCommands : shellCommands;
    await within(60_000, replayScenario(file, commands, await tempFolder(t)), "the replay");
    // The name that Version reports, in the recording of that runtime.
    const name = /"runtimeName":"([^"]+)"/.exec(readFileSync(file, "utf8"))?.[1];
    assert.ok(runtime.startsWith(name ?? "?") || runtime === "embedded", name);
  });
