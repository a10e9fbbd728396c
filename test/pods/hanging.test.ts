// Every public function that waits, on a runtime whose process is stopped.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { nodeArgs } from "../support/checkout.js";
import { busybox } from "../support/embedded.js";
import { hangingCases } from "../support/hanging/cases.js";
import { scriptedCommands } from "../support/scripted-programs.js";
import { within } from "../support/waiting.js";

let child: ChildProcess;
let folder = "";

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "hang-"));
  const args = nodeArgs("test/support/programs/embedded-runtime.ts", join(folder, "cri.sock"));
  child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  if (child.stdout) await within(90_000, once(child.stdout, "data"), "the start of the runtime");
});

after(async () => {
  const ended = once(child, "close");
  child.kill("SIGKILL");
  await within(20_000, ended, "the end of the runtime");
  await rm(folder, { recursive: true, force: true, maxRetries: 10 });
});

hangingCases(() => ({
  endpoint: join(folder, "cri.sock"),
  image: busybox,
  commands: scriptedCommands,
  logRoot: join(folder, "logs"),
  hang: () => child.kill("SIGSTOP"),
  resume: () => child.kill("SIGCONT"),
}));
