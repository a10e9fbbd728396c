// examples/exporter, as a process of its own, scraped over HTTP.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { connect } from "../../src/index.js";
import { cleanup } from "../support/cleanup.js";
import { tempFolder } from "../support/temp.js";
import { until, within } from "../support/waiting.js";
import { node } from "./support.js";

const root = fileURLToPath(new URL("../..", import.meta.url));

test("examples/exporter: metrics, OpenMetrics, a runtime that is away, SIGTERM", async (t) => {
  const socket = join(await tempFolder(t), "cri.sock");
  const { runtime, startPod } = await node(t, {}, { socket, like: "containerd-2.1" });
  await startPod("web");
  const args = ["--conditions=cri-sdk-source", "--import", "tsx", "examples/exporter/main.ts", socket, "0"];
  const program = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  cleanup(t, () => program.kill("SIGKILL"));
  const ended = once(program, "close");
  let [printed, complaints] = ["", ""];
  program.stdout.on("data", (chunk) => {
    printed += chunk;
  });
  program.stderr.on("data", (chunk) => {
    complaints += chunk;
  });
  await until(() => printed.endsWith("\n"), "it listens", 30_000);
  const url = printed.trim();
  const get = async (address = url, headers: Record<string, string> = {}) => {
    const answer = await within(10_000, fetch(address, { headers: { connection: "close", ...headers } }));
    return { status: answer.status, type: answer.headers.get("content-type"), body: await answer.text() };
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
  // Not all that a request line may hold is a URL; and no request ends the exporter.
  for (const path of ["/other", "/", "//", "///metrics", "//[", "/metrics/"])
    assert.equal((await get(origin + path)).status, 404, path);

  await runtime.faults.crash();
  const away = await get(url, { "x-prometheus-scrape-timeout-seconds": "1" });
  assert.equal(away.status, 503);
  assert.match(away.body, /unavailable/);
  await runtime.faults.restart();
  await until(async () => (await get()).status === 200, "it is back", 20_000);

  program.kill("SIGTERM");
  assert.deepEqual(await within(20_000, ended), [0, null]);
  assert.match(complaints, /unavailable/);
  // Nothing of the exporter is left on the runtime.
  const cri = await connect(socket);
  cleanup(t, () => cri.close());
  assert.equal((await cri.runtime.version()).runtimeName, "containerd");
});
