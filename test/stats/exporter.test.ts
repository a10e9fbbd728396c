// Runs examples/exporter as a separate process, and scrapes it over HTTP.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "../../src/index.js";
import { checkout, nodeArgs } from "../support/checkout.js";
import { cleanup } from "../support/cleanup.js";
import { node } from "../support/stats-node.js";
import { tempFolder } from "../support/temp.js";
import { until, within } from "../support/waiting.js";

test("examples/exporter serves both formats, responds with 503 while the runtime is down, and exits on SIGTERM", async (t) => {
  const socket = join(await tempFolder(t), "cri.sock");
  const { runtime, startPod } = await node(t, {}, { socket, like: "containerd-2.1" });
  await startPod("web");
  const args = nodeArgs("examples/exporter/main.ts", socket, "0");
  const program = spawn(process.execPath, args, { cwd: checkout, stdio: ["ignore", "pipe", "pipe"] });
  cleanup(t, () => program.kill("SIGKILL"));
  const ended = once(program, "close");
  let [printed, errors] = ["", ""];
  program.stdout.on("data", (chunk) => {
    printed += chunk;
  });
  program.stderr.on("data", (chunk) => {
    errors += chunk;
  });
  await until(() => printed.endsWith("\n"), "the address of the exporter", 30_000);
  const url = printed.trim();
  const get = async (address = url, headers: Record<string, string> = {}) => {
    const response = await within(10_000, fetch(address, { headers: { connection: "close", ...headers } }));
    return {
      status: response.status,
      type: response.headers.get("content-type"),
      body: await response.text(),
    };
  };

  const page = await get();
  assert.deepEqual([page.status, page.type], [200, "text/plain; version=0.0.4; charset=utf-8"]);
  assert.match(page.body, /^pod_memory_working_set_bytes\{namespace="test",pod="web"\} \d+ \d+$/m);
  assert.match(page.body, /^resource_scrape_error 0$/m);
  const open = await get(url, { accept: "application/openmetrics-text;version=1.0.0,text/plain;q=0.5" });
  assert.match(open.type ?? "", /^application\/openmetrics-text; version=1\.0\.0/);
  assert.ok(open.body.endsWith("# EOF\n"));
  assert.equal((await get(`${url}?from=here`)).status, 200);
  const { origin } = new URL(url);
  // A request line may hold any text, and must not end the exporter.
  for (const path of ["/other", "/", "//", "///metrics", "//[", "/metrics/"])
    assert.equal((await get(origin + path)).status, 404, path);

  await runtime.faults.crash();
  const unavailable = await get(url, { "x-prometheus-scrape-timeout-seconds": "1" });
  assert.equal(unavailable.status, 503);
  assert.match(unavailable.body, /unavailable/);
  await runtime.faults.restart();
  await until(async () => (await get()).status === 200, "the page after the restart", 20_000);

  program.kill("SIGTERM");
  assert.deepEqual(await within(20_000, ended), [0, null]);
  assert.match(errors, /unavailable/);
  // The runtime still serves other clients.
  const cri = await connect(socket);
  cleanup(t, () => cri.close());
  assert.equal((await cri.runtime.version()).runtimeName, "containerd");
});
