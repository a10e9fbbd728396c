import assert from "node:assert/strict";
import { test } from "node:test";
import { decideRestart, RestartBackOff } from "../../../src/kubernetes/worker/back-off.js";
import { at, atMs, observedOf, podOf } from "../../support/observed-pods.js";

const pod = podOf();
const app = containerOf(pod);

function containerOf({ spec: { containers } }: typeof pod) {
  const [container] = containers;
  assert.ok(container);
  return container;
}

/** Returns when a container that exits `upSeconds` after each start is started, in seconds after each exit. */
function waits(upSeconds: readonly number[], backOff = new RestartBackOff()): number[] {
  let now = 0;
  let restartCount = 0;
  return upSeconds.map((up) => {
    const exitedAt = now + up;
    now = exitedAt;
    for (;;) {
      const observed = observedOf([
        { state: "exited", exitCode: 1, restartCount, finishedAtNanos: at(exitedAt) },
      ]);
      const decision = decideRestart(pod, app, observed, backOff, atMs(now));
      if (decision.start) break;
      assert.equal(decision.waiting.reason, "CrashLoopBackOff");
      now = (decision.untilMs - atMs(0)) / 1000;
    }
    restartCount += 1;
    return now - exitedAt;
  });
}

test("row 36: a container that exits at once waits 0, 10, 20, 40, 80, 160, 300, 300 seconds after each exit", () => {
  assert.deepEqual(waits([0, 0, 0, 0, 0, 0, 0, 0, 0]), [0, 10, 20, 40, 80, 160, 300, 300, 300]);
});

test("row 36: after more than 600 seconds, the delays begin anew", () => {
  assert.deepEqual(waits([0, 0, 0, 601, 0, 0]), [0, 10, 20, 0, 10, 20]);
});

test("600 seconds are not enough to begin anew", () => {
  assert.deepEqual(waits([0, 0, 0, 600, 0]), [0, 10, 20, 40, 80]);
});

test("a container that runs for some time waits as long after each exit", () => {
  assert.deepEqual(waits([3, 3, 3, 3]), [0, 10, 20, 40]);
});

test("other delays can be given", () => {
  const backOff = new RestartBackOff({ firstMs: 1_000, maxMs: 3_000 });
  assert.deepEqual(waits([0, 0, 0, 0, 0, 7, 0], backOff), [0, 1, 2, 3, 3, 0, 1]);
  assert.throws(() => new RestartBackOff({ firstMs: 0 }), { reason: "invalid_option" });
});

test("a container that never exited starts at once, and counts no start", () => {
  const backOff = new RestartBackOff();
  for (const containers of [
    [],
    [{}],
    [{ state: "created" as const }],
    [{ name: "other", state: "exited" as const }],
  ])
    for (let i = 0; i < 3; i++)
      assert.deepEqual(decideRestart(pod, app, observedOf(containers), backOff, atMs(9)), { start: true });
});

test("the newest exited instance counts, also below one that could not be started", () => {
  const backOff = new RestartBackOff();
  const containers = [
    { state: "exited" as const, restartCount: 0, finishedAtNanos: at(5) },
    { state: "exited" as const, restartCount: 1, finishedAtNanos: at(20) },
    { state: "created" as const, restartCount: 2 },
  ];
  assert.equal(decideRestart(pod, app, observedOf(containers), backOff, atMs(21)).start, true);
  const waiting = decideRestart(pod, app, observedOf(containers), backOff, atMs(21));
  assert.ok(!waiting.start);
  assert.equal(waiting.untilMs, atMs(30));
});

test("a wait says why, as the status and the event show it", () => {
  const backOff = new RestartBackOff();
  const name = "web-0_prod(11111111-2222-3333-4444-555555555555)";
  let now = 0;
  for (const delay of ["10s", "20s", "40s", "1m20s", "2m40s", "5m0s", "5m0s"]) {
    const exited = observedOf([{ state: "exited", finishedAtNanos: at(now) }]);
    const started = decideRestart(pod, app, exited, backOff, atMs(now + 300));
    assert.ok(started.start);
    const waiting = decideRestart(pod, app, exited, backOff, atMs(now));
    assert.ok(!waiting.start);
    assert.equal(waiting.waiting.message, `back-off ${delay} restarting failed container=app pod=${name}`);
    assert.equal(waiting.eventMessage, `Back-off restarting failed container app in pod ${name}`);
    now += 300;
  }
});

test("another image, other resources or another pod begin anew; the order of resources does not matter", () => {
  const backOff = new RestartBackOff();
  const exited = observedOf([{ state: "exited", finishedAtNanos: at(0) }]);
  const starts = (changed: typeof pod) =>
    decideRestart(changed, containerOf(changed), exited, backOff, atMs(1)).start;
  const limited = (limits: Record<string, string>, image = "busybox") =>
    podOf({ containers: [{ name: "app", image, resources: { limits } }] });
  assert.equal(starts(limited({ cpu: "1", memory: "1Gi" })), true);
  assert.equal(starts(limited({ memory: "1Gi", cpu: "1" })), false);
  assert.equal(starts(limited({ cpu: "2", memory: "1Gi" })), true);
  assert.equal(starts(limited({ cpu: "1", memory: "1Gi" }, "nginx")), true);
  assert.equal(starts(podOf({}, { uid: "another" })), true);
});

test("pulls wait from the last failure on, as ImagePullBackOff does", () => {
  const backOff = new RestartBackOff();
  let now = 0;
  const attempts: number[] = [];
  for (let i = 0; i < 9; i++) {
    now += backOff.remainingMs("image", now);
    attempts.push(now / 1000);
    backOff.advance("image", now);
  }
  const differences = attempts.slice(1).map((time, i) => time - (attempts[i] ?? 0));
  assert.deepEqual(differences, [10, 20, 40, 80, 160, 300, 300, 300]);
  now += 600_001;
  assert.equal(backOff.remainingMs("image", now), 0);
  backOff.advance("image", now);
  assert.equal(backOff.delayMs("image"), 10_000);
});

test("a clock that is set back does not prolong a delay", () => {
  const backOff = new RestartBackOff();
  backOff.advance("key", atMs(3600));
  assert.equal(backOff.remainingMs("key", atMs(0)), 10_000);
  assert.equal(backOff.remainingMs("key", atMs(0), atMs(3600)), 10_000);
});

test("prune forgets the keys that would begin anew", () => {
  const backOff = new RestartBackOff();
  backOff.advance("old", 0);
  backOff.advance("new", 500_000);
  backOff.prune(600_001);
  assert.equal(backOff.delayMs("old"), 0);
  assert.equal(backOff.delayMs("new"), 10_000);
});
