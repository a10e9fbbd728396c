// exec probes and the whole of a prober on the embedded runtime.
import assert from "node:assert/strict";
import { test } from "node:test";
import { probesFactory } from "../../../src/kubernetes/probes/prober.js";
import { probeRunner } from "../../../src/kubernetes/probes/run-probe.js";
import { scripted, start } from "../../support/embedded.js";
import { failure } from "../../support/failure.js";
import { VirtualClock } from "../../support/virtual-clock.js";

const signal = new AbortController().signal;

for (const like of ["containerd-2.1", "cri-o"] as const)
  test(`${like}: the exit code decides; a timeout is a failure, a command that cannot start an error`, async (t) => {
    const { runtime, cri } = await scripted(t, { like });
    const { containerId } = await start(cri, ["run"]);
    const run = (command: readonly string[], env: readonly object[] = [], timeoutMs = 1_000) => {
      const container = { name: "c", env: env as { name: string; value?: string }[] };
      const target = { container, containerId, podIPs: [] };
      return probeRunner(cri.runtime)({ exec: { command } }, target, { timeoutMs, signal });
    };
    assert.deepEqual(await run(["print", "out", "err"]), { result: "success", output: "outerr" });
    assert.deepEqual(await run(["exit", "3"]), { result: "failure", output: "" });
    assert.equal((await run(["fill", "20000", "10"])).output.length, 10 * 1_024);
    assert.deepEqual(await run(["sleep", "60"]), {
      result: "failure",
      output: 'command timed out: "sleep 60" timed out after 1s',
    });
    assert.equal(runtime.calls.of("execSync").at(-1)?.request.timeout, 1n);
    await run(["print", "x"], [], 7_000);
    assert.equal(runtime.calls.of("execSync").at(-1)?.request.timeout, 7n);
    const missing = await failure(run(["no-such-program"]));
    assert.equal(missing.reason, "exec_not_started");

    const env = [{ name: "A", value: "1 $(B)" }, { name: "B", value: "2" }, { name: "FROM" }];
    const { output } = await run(["print", "$(A)|$(FROM)|$(NO)|$$(B)|$B"], env);
    assert.equal(output, "1 $(B)||$(NO)|$(B)|$B");
  });

test("a prober with exec probes: start-up, readiness, failure, the next container", async (t) => {
  const clock = new VirtualClock();
  let health = 1;
  const { runtime, cri } = await scripted(t, {
    clock: clock.runtime,
    programs: {
      run: async ({ clock }) => void (await clock.sleep(3_600_000)),
      check: () => health,
    },
  });
  const { containerId } = await start(cri, ["run"]);
  const events: string[] = [];
  let changes = 0;
  const probes = probesFactory(probeRunner(cri.runtime))({
    clock,
    record: ({ reason, message }) => events.push(`${reason}: ${message}`),
    onChange: () => changes++,
  });
  t.after(() => probes.close());
  const check = { exec: { command: ["check"] }, periodSeconds: 2 };
  const container = { name: "c", startupProbe: check, livenessProbe: check, readinessProbe: check };
  probes.sync({}, [{ id: containerId, container, startedAtMs: clock.now() }], []);
  const until = (holds: () => boolean) => clock.until(holds, { stepMs: 1_000, limitMs: 60_000 });
  await until(() => events.length === 2);
  assert.equal(events[0], "Unhealthy: Startup probe failed: ");
  health = 0;
  await until(() => probes.state(containerId).readiness === "success");
  assert.deepEqual(probes.state(containerId), {
    startup: "success",
    liveness: "success",
    readiness: "success",
  });
  health = 1;
  await until(() => probes.state(containerId).liveness === "failure");
  assert.equal(probes.state(containerId).startup, "success");
  assert.ok(changes >= 3);
  assert.ok(events.includes("Unhealthy: Liveness probe failed: "));
  probes.close();
  const before = runtime.calls.of("execSync").length;
  await clock.advance(30_000);
  assert.equal(runtime.calls.of("execSync").length, before);
});
