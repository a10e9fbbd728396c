// Interoperability of the server with grpc-go, the gRPC library of the kubelet, crictl and critest.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { installGo, oldGrpcGo } from "../../scripts/interop/go.js";
import { runCommand } from "../../scripts/runtimes/command.js";
import { EmbeddedRuntime } from "../../src/testing/index.js";
import { cleanup } from "../support/cleanup.js";
import { checkLeaks } from "../support/leaks.js";
import { tempFolder } from "../support/temp.js";
import { until } from "../support/waiting.js";

const source = fileURLToPath(new URL("grpc-go/", import.meta.url));

test("a grpc-go client gets the expected codes, messages and streams", { timeout: 600_000 }, async (t) => {
  checkLeaks(t);
  const folder = await tempFolder(t);
  const program = join(folder, "client");
  const go = await installGo(oldGrpcGo);
  await go.build(source, program);
  const socket = join(folder, "cri.sock");
  const runtime = await EmbeddedRuntime.start({ socket, programs: {} });
  cleanup(t, () => runtime.close());
  runtime.faults.delay("status", 60_000);
  const { stdout } = await runCommand(program, [socket], { timeoutMs: 120_000 }).then((out) => ({
    stdout: out,
  }));
  const lines = stdout.trim().split("\n");
  const results = new Map(
    lines.map((line) => {
      const { name, code, text, bytes } = JSON.parse(line);
      return [name, { code, text, bytes }];
    }),
  );
  const codes = Object.fromEntries([...results].map(([name, { code }]) => [name, code]));
  assert.deepEqual(codes, {
    version: "OK",
    gzip: "OK",
    missing: "NotFound",
    "not implemented": "Unimplemented",
    "unknown method": "Unimplemented",
    "unknown service": "Unimplemented",
    malformed: "Internal",
    "too large": "ResourceExhausted",
    large: "OK",
    run: "OK",
    "1000 concurrent, 0 failed": "OK",
    late: "DeadlineExceeded",
    "run another": "OK",
    event: "OK",
    canceled: "Canceled",
    "list ends": "EOF",
  });
  assert.match(results.get("missing")?.text, /container "0123": not found/);
  assert.equal(
    results.get("unknown method")?.text,
    "unknown method Nothing for service runtime.v1.RuntimeService",
  );
  assert.equal(results.get("too large")?.text, "received message larger than max (16777216 bytes)");
  assert.ok(results.get("event")?.bytes > 100 && results.get("list ends")?.bytes > 200);
  // All 200 subscriptions end when their client exits.
  await until(
    () => runtime.calls.of("getContainerEvents").every(({ durationNanos }) => durationNanos !== undefined),
    "all subscriptions end",
  );
  assert.equal(runtime.calls.of("getContainerEvents").length, 200);
});
