import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "../../src/index.js";
import { EmbeddedRuntime } from "../../src/testing/index.js";
import { checkLeaks } from "../support/leaks.js";
import { tempFolder } from "../support/temp.js";
import { until, within } from "../support/waiting.js";
import { programs, scriptedCommands } from "../testing/embedded/programs.js";
import { busybox } from "../testing/embedded/support.js";

test("a log is followed while the runtime is away, and ends when it says that the container has", async (t) => {
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
  const asked = () => runtime.calls.of("containerStatus").filter(({ error }) => error !== undefined).length;
  await until(() => runtime.calls.of("containerStatus").length > 1, "it asks whether the container runs");
  const away = { code: "unavailable", text: "server is not initialized yet" } as const;
  runtime.faults.failNext("containerStatus", away, { times: Number.POSITIVE_INFINITY });
  await until(() => asked() > 1, "it asks again", 10_000);
  runtime.faults.clear();
  await container.stop({ gracePeriodMs: 0 });
  await within(10_000, reading);
  assert.equal((await reader.ended).reason, "container_ended");
});
