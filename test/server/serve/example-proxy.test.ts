import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { connect, isCriError } from "../../../src/index.js";
import { serve } from "../../../src/server/index.js";
import { checkout, nodeArgs } from "../../support/checkout.js";
import { cleanup } from "../../support/cleanup.js";
import { tempFolder } from "../../support/temp.js";
import { until, within } from "../../support/waiting.js";

test("examples/proxy denies privileged pods, labels the others, and ends on SIGTERM", async (t) => {
  const folder = await tempFolder(t);
  const [upstream, socket] = [join(folder, "upstream.sock"), join(folder, "proxy.sock")];
  const pods: string[] = [];
  const fake = await serve(upstream, {
    runtime: {
      version: () => ({
        version: "0.1.0",
        runtimeName: "fake",
        runtimeVersion: "1",
        runtimeApiVersion: "v1",
      }),
      runPodSandbox({ config }) {
        pods.push(`${config?.metadata?.name} ${JSON.stringify(config?.labels)}`);
        return { podSandboxId: "a".repeat(64) };
      },
    },
  });
  cleanup(t, () => within(5_000, fake.close()));
  const args = nodeArgs("examples/proxy/main.ts", upstream, socket);
  const program = spawn(process.execPath, args, { cwd: checkout, stdio: ["ignore", "pipe", "inherit"] });
  cleanup(t, () => program.kill("SIGKILL"));
  const ended = once(program, "close");
  let printed = "";
  program.stdout.on("data", (chunk) => {
    printed += chunk;
  });
  await until(() => printed.includes("listening"), "the proxy listens", 30_000);
  const cri = await connect(socket);
  cleanup(t, () => cri.close());
  const config = { metadata: { name: "web", namespace: "default", uid: "1" }, labels: { app: "web" } };
  await cri.runtime.runPodSandbox({ config });
  const privileged = { ...config, linux: { securityContext: { privileged: true } } };
  const error = await cri.runtime.runPodSandbox({ config: privileged }).catch((error: unknown) => error);
  assert.ok(isCriError(error) && error.code === "permission_denied", String(error));
  assert.match(error.rawMessage, /the pod web is privileged/);
  assert.deepEqual(pods, ['web {"app":"web","example.com/seen-by":"cri-proxy"}']);
  program.kill("SIGTERM");
  assert.deepEqual(await within(20_000, ended), [0, null]);
  assert.equal(existsSync(socket), false);
  const lines = printed.trim().split("\n");
  assert.equal(lines.length, 3);
  assert.match(lines[1] ?? "", /^unix:1 RunPodSandbox \d+ ms ok$/);
  assert.match(lines[2] ?? "", /^unix:1 RunPodSandbox \d+ ms permission_denied: /);
});
