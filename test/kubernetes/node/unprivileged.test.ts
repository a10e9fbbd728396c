// A process that may not mount: what needs it is refused, or is done without it and reported.
import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, chownSync, existsSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { asRoot, nodeOf } from "../../support/node-files.js";
import { startProgram } from "../../support/programs.js";

interface Outcome {
  readonly [step: string]: string | readonly string[];
}

/** Runs the steps as user 65534, or as root without CAP_SYS_ADMIN. */
async function outcomes(t: TestContext, withoutMounts: string): Promise<Outcome> {
  const { folder, rootDir, podLogsDir } = await nodeOf(t);
  for (const path of [folder, rootDir]) chownSync(path, 65_534, 65_534);
  chmodSync(folder, 0o755);
  const child = startProgram("pod-files-as-nobody.ts", [rootDir, podLogsDir, withoutMounts], {
    uid: 65_534,
    gid: 65_534,
  });
  let output = "";
  child.stdout?.on("data", (text) => {
    output += text;
  });
  assert.deepEqual(await once(child, "close"), [0, null]);
  assert.equal(existsSync(`${rootDir}/pods/11111111-2222-3333-4444-555555555555`), false);
  return JSON.parse(output) as Outcome;
}

test("without the right to mount, secrets, volumes in memory and subPaths are refused", asRoot, async (t) => {
  const { secret, memory, subPath, disk, config, fsGroup } = await outcomes(t, "refuse");
  assert.match(
    String(secret),
    /volume "tls" : must be in memory, and this process may not mount a tmpfs.*withoutMounts: "allow"/,
  );
  assert.match(String(memory), /volume "shm" : must be in memory/);
  assert.match(
    String(subPath),
    /subPath: needs a bind mount, and this process may not mount.*withoutMounts: "allow"/,
  );
  assert.match(String(fsGroup), /volume "data" : .*EPERM/);
  assert.deepEqual([disk, config], [[], []]);
});

test("what is allowed without mounts is done in ordinary folders, and reported", asRoot, async (t) => {
  const { secret, memory, subPath, subPathContent, outside } = await outcomes(t, "allow");
  assert.match(
    String(secret),
    /^volume "tls": is kept on disk, in \S+, since this process may not mount a tmpfs$/,
  );
  assert.match(String(memory), /^volume "shm": is kept on disk/);
  assert.match(
    String(subPath),
    /subPath: was resolved once, to \S+app.conf, since this process may not mount$/,
  );
  assert.equal(subPathContent, "text");
  assert.match(String(outside), /leads out of the volume/);
});
