// What `npm start` runs is the same program on a real runtime.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Subject } from "./support.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const node = ["--conditions=cri-sdk-source", "--import", "tsx"];

export function quickstartCases(subject: () => Subject): void {
  test("the quickstart runs, and leaves nothing behind", async () => {
    const { running, runtime, cri } = subject();
    const pods = async () => (await cri.lists.podSandboxes().collect()).map(({ id }) => id).sort();
    const before = await pods();
    const env = {
      PATH: process.env.PATH,
      CONTAINER_RUNTIME_ENDPOINT: runtime.endpoint,
      IMAGE: running.images.busybox,
    };
    const run = promisify(execFile)(process.execPath, [...node, "examples/quickstart.ts"], {
      cwd: root,
      env,
      timeout: 60_000,
    });
    const { stdout } = await run;
    assert.match(stdout, /^version .* containerd /);
    assert.match(stdout, /exec .* exit code 0: hello from quickstart\n/);
    assert.match(stdout, /stream .* exit code 0: SENT IN SMALL LETTERS\n/);
    assert.match(stdout, /done; nothing was left behind\n$/);
    assert.deepEqual(await pods(), before);
  });
}
