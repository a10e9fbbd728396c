import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { parseCrictlConfig, readCrictlConfig } from "../../src/transport/crictl-config.js";
import { cleanup } from "../support/cleanup.js";
import { tempFolder } from "../support/temp.js";

test("a configuration that is a FIFO, a device, a folder or too large is refused, and blocks nothing", async (t) => {
  const folder = await tempFolder(t);
  const fifo = join(folder, "fifo");
  execFileSync("mkfifo", [fifo]);
  // Ends the freeze if the file is opened and waits for its other end.
  const rescue = spawn("sh", ["-c", 'sleep 30; : > "$0"', fifo], { stdio: "ignore", detached: true });
  cleanup(t, () => void process.kill(-(rescue.pid ?? 0), "SIGKILL"));
  for (const [path, kind] of [
    [fifo, "FIFO"],
    ["/dev/zero", "device"],
    [folder, "folder"],
  ] as const)
    assert.throws(() => readCrictlConfig({ CRI_CONFIG_FILE: path }), {
      reason: "invalid_option",
      rawMessage: `crictl's configuration ${path} cannot be used: must be a regular file, but it is a ${kind}`,
    });
  const large = join(folder, "large");
  await writeFile(large, "");
  await truncate(large, 2 ** 40);
  assert.throws(
    () => readCrictlConfig({ CRI_CONFIG_FILE: large }),
    /is larger than the limit of 4194304 bytes/,
  );
});

test("merge keys are refused rather than ignored", () => {
  const text = "base: &base\n  runtime-endpoint: unix:///x.sock\n<<: *base\n";
  assert.throws(() => parseCrictlConfig("c.yaml", text), /line 3 is a merge key/);
});

test("the time is linear in the length of a line", { timeout: 60_000 }, () => {
  const spaces = " ".repeat(1_000_000);
  assert.throws(() => parseCrictlConfig("c.yaml", `a${spaces}b`), /line 1 is not/);
  const { runtimeEndpoint } = parseCrictlConfig(
    "c.yaml",
    `runtime-endpoint${spaces}: unix:///x.sock${spaces}# y`,
  );
  assert.equal(runtimeEndpoint, "unix:///x.sock");
  assert.equal(parseCrictlConfig("c.yaml", `runtime-endpoint: a${spaces}b`).runtimeEndpoint, `a${spaces}b`);
});
