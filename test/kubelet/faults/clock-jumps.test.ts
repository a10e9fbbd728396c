// The host's clock is corrected, forwards and back: spans do not change, and nothing is killed.
import assert from "node:assert/strict";
import { test } from "node:test";
import { onePod, untilPhase } from "../../support/kubelets.js";
import { eventsOf, startFaulty } from "./support.js";

const hour = 3_600_000;

for (const [direction, ms] of [
  ["forwards", hour],
  ["back", -hour],
] as const) {
  test(`the clock jumps ${direction} an hour: the node stays ready, pods run on, probes go on`, async (t) => {
    const readinessProbe = { exec: { command: ["print", "ok"] }, periodSeconds: 10 };
    const { clock, kubelet, list, runtime } = await startFaulty(t, [
      onePod("a", [], {
        containers: [
          { name: "main", image: "docker.io/library/busybox:1.37", command: ["run"], readinessProbe },
        ],
      }),
    ]);
    await untilPhase(kubelet, "Running", "a");
    await clock.until(() => kubelet.isReady());
    await clock.advance(20_000);
    const id = kubelet.pod("test", "a")?.observed.containers[0]?.id;
    const probes = runtime.calls.of("execSync").length;
    clock.jump(ms);
    const readiness = new Set<boolean>();
    const end = clock.monotonicMs() + 60_000;
    await clock.until(() => {
      readiness.add(kubelet.isReady());
      return clock.monotonicMs() >= end;
    });
    assert.deepEqual([...readiness], [true]);
    const made = runtime.calls.of("execSync").length - probes;
    assert.ok(made >= 5 && made <= 7, `${made} probes in a minute`);
    assert.equal(kubelet.pod("test", "a")?.observed.containers[0]?.id, id);
    assert.ok(!eventsOf(list.events, "a").some((text) => /Killing|Unhealthy/.test(text)));
    await kubelet.stop();
  });

  test(`the clock jumps ${direction} during a stop: the grace period stays as long`, async (t) => {
    const { clock, kubelet, list, runtime } = await startFaulty(t, [
      onePod("a", [], {
        terminationGracePeriodSeconds: 60,
        containers: [
          {
            name: "main",
            image: "docker.io/library/busybox:1.37",
            command: ["run"],
            lifecycle: { preStop: { exec: { command: ["sleep", "20"] } } },
          },
        ],
      }),
    ]);
    await untilPhase(kubelet, "Running", "a");
    list.set();
    await clock.until(() => runtime.calls.of("execSync").length === 1, { stepMs: 100 });
    clock.jump(ms);
    await clock.until(() => runtime.calls.of("stopContainer").length > 0, { stepMs: 500 });
    const [call] = runtime.calls.of("stopContainer");
    const { timeout = 0n } = (call?.request ?? {}) as { timeout?: bigint };
    assert.ok(timeout >= 38n && timeout <= 40n, `${timeout} s`);
    await clock.until(() => kubelet.pods().length === 0);
    await kubelet.stop();
  });

  test(`the clock jumps ${direction} an hour during a back-off: it ends in time`, async (t) => {
    const { clock, kubelet } = await startFaulty(t, [onePod("a", ["exit", "1"])]);
    const restarts = () => kubelet.pod("test", "a")?.status.containerStatuses?.[0]?.restartCount ?? 0;
    await clock.until(() => restarts() >= 2);
    clock.jump(ms);
    // The third restart waits 20 s at most, a jump forwards ends the pause, as with the real kubelet.
    const passedMs = await clock.until(() => restarts() >= 3);
    assert.ok(passedMs <= 60_000, `${passedMs} ms`);
    await kubelet.stop();
  });
}
