import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { removePodCgroup } from "../../../src/kubernetes/index.js";
import { cleanup } from "../../support/cleanup.js";
import { asRoot } from "../../support/node-files.js";
import { within } from "../../support/waiting.js";

test("the cgroup of a pod is removed with what is left in it", asRoot, async (t) => {
  const mount = "/sys/fs/cgroup";
  const hierarchy = existsSync(join(mount, "cgroup.controllers")) ? mount : join(mount, "pids");
  const root = `cri-sdk-test-${process.pid}`;
  const kubepods = join(hierarchy, root, "kubepods");
  const pod = join(kubepods, "besteffort", "poduid-1");
  const child = join(pod, "sandbox");
  try {
    await mkdir(child, { recursive: true });
  } catch {
    return t.skip("the cgroups of this machine are read-only");
  }
  cleanup(t, async () => {
    for (const folder of [join(kubepods, "besteffort"), kubepods, join(hierarchy, root)]) await rmdir(folder);
  });
  const left = spawn("sleep", ["600"], { stdio: "ignore" });
  cleanup(t, () => left.kill("SIGKILL"));
  const ended = once(left, "exit");
  await writeFile(join(child, "cgroup.procs"), String(left.pid));
  await removePodCgroup("uid-1", { cgroupRoot: `/${root}`, cgroupDriver: "cgroupfs" });
  assert.equal(existsSync(pod), false);
  const [, signal] = await within(10_000, ended, "the end of the process");
  assert.equal(signal, "SIGKILL");
  // Again, and of a pod that has none.
  await removePodCgroup("uid-1", { cgroupRoot: `/${root}`, cgroupDriver: "cgroupfs" });
});
