// Runs the example tests with the commands that their comments state.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { root } from "../support/docs/pages.js";
import { runProgram } from "../support/docs/workshop.js";

const folder = join(root, "examples", "testing");

test("the example for node:test", { timeout: 150_000 }, async () => {
  const node = ["--conditions=cri-sdk-source", "--import", "tsx", "--test", "--test-reporter=tap"];
  const ended = await runProgram([...node, join(folder, "node-test.test.ts")], {}, 120_000);
  assert.match(ended.stdout, /^# pass 3$/m, ended.stdout + ended.stderr);
  assert.equal(ended.code, 0, ended.stdout + ended.stderr);
});

test("the example with a recording", { timeout: 150_000 }, async () => {
  const node = ["--conditions=cri-sdk-source", "--import", "tsx", "--test", "--test-reporter=tap"];
  const ended = await runProgram([...node, join(folder, "replay.test.ts")], {}, 120_000);
  assert.match(ended.stdout, /^# pass 1$/m, ended.stdout + ended.stderr);
  assert.equal(ended.code, 0, ended.stdout + ended.stderr);
});

test("the example for vitest", { timeout: 150_000 }, async () => {
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  const ended = await runProgram([vitest, "run", "--root", folder], { NO_COLOR: "1" }, 120_000);
  assert.match(ended.stdout, /Tests +1 passed/, ended.stdout + ended.stderr);
  assert.equal(ended.code, 0, ended.stdout + ended.stderr);
});
