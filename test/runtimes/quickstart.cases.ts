// Runs the program of `npm start` on a real runtime.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { checkout, nodeArgs } from "../support/checkout.js";
import type { Subject } from "./support.js";

export function quickstartCases(subject: () => Subject): void {
  test("the quickstart runs and leaves no pod behind", async () => {
    const { running, runtime, cri } = subject();
    const pods = async () => (await cri.lists.podSandboxes().collect()).map(({ id }) => id).sort();
    const before = await pods();
    const env = {
      PATH: process.env.PATH,
      CONTAINER_RUNTIME_ENDPOINT: runtime.endpoint,
      IMAGE: running.images.busybox,
    };
    const run = promisify(execFile)(process.execPath, nodeArgs("examples/quickstart.ts"), {
      cwd: checkout,
      env,
      timeout: 60_000,
    });
    const { stdout } = await run;
    assert.match(stdout, /^version .* \S+ /);
    assert.match(stdout, /exec .* exit code 0: hello from quickstart\n/);
    assert.match(stdout, /stream .* exit code 0: SENT IN SMALL LETTERS\n/);
    assert.match(stdout, /done; everything was removed\n$/);
    assert.deepEqual(await pods(), before);
  });
}
