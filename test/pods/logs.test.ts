import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "../../src/index.js";
import { EmbeddedRuntime } from "../../src/testing/index.js";
import { busybox } from "../support/embedded.js";
import { checkLeaks } from "../support/leaks.js";
import { programs, scriptedCommands } from "../support/scripted-programs.js";
import { tempFolder } from "../support/temp.js";
import { until, within } from "../support/waiting.js";

test("a log is followed while the runtime is unavailable, and ends when it reports that the container exited", async (t) => {
  checkLeaks(t);
  await using runtime = await EmbeddedRuntime.start({ programs, preload: [busybox] });
  await using cri = connect.through({
    transport: runtime.transport,
    retry: { attempts: 1 },
    pods: { logRoot: join(await tempFolder(t), "logs") },
  });
  const pod = await cri.pods.run({ name: "a", namespace: "test" });
  const container = await pod.runContainer({
    name: "main",
    image: busybox,
    command: scriptedCommands.run,
  });
  const reader = container.logs({ follow: true, pollMs: 20 });
  const reading = (async () => {
    for await (const _ of reader);
  })();
  const failedCalls = () =>
    runtime.calls.of("containerStatus").filter(({ error }) => error !== undefined).length;
  await until(() => runtime.calls.of("containerStatus").length > 1, "a status call");
  const unavailable = { code: "unavailable", message: "server is not initialized yet" } as const;
  runtime.faults.failNext("containerStatus", unavailable, { times: Number.POSITIVE_INFINITY });
  await until(() => failedCalls() > 1, "another status call", 10_000);
  runtime.faults.clear();
  await container.stop({ gracePeriodMs: 0 });
  await within(10_000, reading);
  assert.equal((await reader.ended).reason, "container_ended");
});
