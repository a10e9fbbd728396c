// When probes are made, and what their results mean, to the second of a virtual clock.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Container, Probe } from "../../../src/kubernetes/api/index.js";
import type { ProbeOutcome, ProbeRunner } from "../../../src/kubernetes/probes/outcome.js";
import { probesFactory } from "../../../src/kubernetes/probes/prober.js";
import { VirtualClock } from "../../support/virtual-clock.js";

const pod = { metadata: { name: "web", namespace: "default", uid: "u" } };
const exec = (what: string): Probe => ({ exec: { command: [what] } });
const ok: ProbeOutcome = { result: "success", output: "fine" };
const bad: ProbeOutcome = { result: "failure", output: "broken" };

type Answer = ProbeOutcome | Error | { readonly afterMs: number; readonly answer: ProbeOutcome };

/** Probes on a virtual clock. Each probe's command names its answers; the last one is repeated. */
function scene(t: TestContext, answers: Readonly<Record<string, readonly Answer[]>>) {
  const clock = new VirtualClock();
  const startMs = clock.now();
  const seconds = () => (clock.now() - startMs) / 1_000;
  const made: string[] = [];
  const events: string[] = [];
  const changes: string[] = [];
  const left = new Map(Object.entries(answers).map(([name, list]) => [name, [...list]]));
  const signals: AbortSignal[] = [];
  const run: ProbeRunner = async ({ exec }, { containerId }, { signal }) => {
    const [name = ""] = exec?.command ?? [];
    made.push(`${seconds()} ${name} ${containerId}`);
    signals.push(signal);
    const list = left.get(name) ?? [];
    const answer = list.length > 1 ? list.shift() : list[0];
    if (answer === undefined) throw new Error(`no answer for ${name}`);
    if (answer instanceof Error) throw answer;
    if (!("afterMs" in answer)) return answer;
    await clock.sleep(answer.afterMs, signal);
    return answer.answer;
  };
  const ids = new Set<string>();
  const state = (id: string) => Object.values(probes.state(id)).join(" ");
  const probes = probesFactory(run)({
    clock,
    record: ({ reason, message, container }) =>
      events.push(`${seconds()} ${container} ${reason}: ${message}`),
    onChange: () => changes.push(`${seconds()} ${[...ids].map(state).join(", ")}`),
  });
  t.after(async () => {
    probes.close();
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(clock.sleepers, 0, "no worker remains");
  });
  const sync = (...running: readonly (readonly [id: string, container: Omit<Container, "name">])[]) => {
    for (const [id] of running) ids.add(id);
    const all = running.map(([id, container]) => ({
      id,
      container: { name: "web", ...container },
      startedAtMs: clock.now(),
    }));
    probes.sync(pod, all, ["10.0.0.5"]);
  };
  const take = (list: string[]) => list.splice(0);
  const advance = async (ms: number) => {
    await clock.advance(ms);
    // What woke last may not have run yet.
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { clock, advance, probes, sync, state, made, events, changes, take, signals };
}

test("a probe is made each period, from the start on; the defaults are 10 s, one success and three failures", async (t) => {
  const { advance, sync, state, made, changes, take, events } = scene(t, { r: [ok, bad, bad, bad, ok] });
  sync(["1", { readinessProbe: exec("r") }]);
  assert.equal(state("1"), "success success unknown");
  await advance(0);
  assert.deepEqual(take(made), ["0 r 1"]);
  assert.deepEqual(take(changes), ["0 success success success"]);
  await advance(9_999);
  assert.deepEqual(take(made), []);
  await advance(20_001);
  assert.deepEqual(take(made), ["10 r 1", "20 r 1", "30 r 1"]);
  assert.deepEqual(take(changes), ["30 success success failure"]);
  await advance(10_000);
  assert.deepEqual(take(changes), ["40 success success success"]);
  assert.deepEqual(events, [
    "10 web Unhealthy: Readiness probe failed: broken",
    "20 web Unhealthy: Readiness probe failed: broken",
    "30 web Unhealthy: Readiness probe failed: broken",
  ]);
});

test("initialDelaySeconds counts from the container's start, and is checked at each period", async (t) => {
  const { advance, sync, made } = scene(t, { r: [ok], l: [ok] });
  const readinessProbe = { ...exec("r"), initialDelaySeconds: 5, periodSeconds: 3 };
  const livenessProbe = { ...exec("l"), initialDelaySeconds: 6, periodSeconds: 3 };
  sync(["1", { readinessProbe, livenessProbe }]);
  await advance(9_000);
  assert.deepEqual(made, ["6 l 1", "6 r 1", "9 l 1", "9 r 1"]);
});

test("a delay that has passed before the worker started does not count again", async (t) => {
  const { clock, advance, probes, made } = scene(t, { l: [ok] });
  const container = { name: "web", livenessProbe: { ...exec("l"), initialDelaySeconds: 60 } };
  probes.sync(pod, [{ id: "1", container, startedAtMs: clock.now() - 55_000 }], []);
  await advance(10_000);
  assert.deepEqual(made, ["10 l 1"]);
});

test("thresholds count results in a row; another result starts anew", async (t) => {
  const answers = [ok, ok, bad, ok, ok, ok, bad, bad, ok, bad, bad, bad];
  const { advance, sync, changes } = scene(t, { r: answers });
  const thresholds = { periodSeconds: 1, successThreshold: 3, failureThreshold: 2 };
  sync(["1", { readinessProbe: { ...exec("r"), ...thresholds } }]);
  await advance(11_000);
  assert.deepEqual(changes, ["5 success success success", "7 success success failure"]);
});

test("until the startup probe has succeeded, the others wait; then readiness follows at once", async (t) => {
  const { advance, sync, made, changes, state } = scene(t, { s: [bad, bad, ok], l: [ok], r: [ok] });
  const startupProbe = { ...exec("s"), periodSeconds: 4 };
  sync(["1", { startupProbe, livenessProbe: exec("l"), readinessProbe: exec("r") }]);
  assert.equal(state("1"), "unknown success unknown");
  await advance(30_000);
  assert.deepEqual(made, [
    "0 s 1",
    "4 s 1",
    "8 s 1",
    "8 r 1",
    "10 l 1",
    "18 r 1",
    "20 l 1",
    "28 r 1",
    "30 l 1",
  ]);
  assert.deepEqual(changes, ["8 success success unknown", "8 success success success"]);
});

test("a startup probe that fails ends, and the others never begin", async (t) => {
  const { advance, sync, made, changes, events } = scene(t, { s: [bad] });
  const startupProbe = { ...exec("s"), periodSeconds: 2, failureThreshold: 2 };
  sync(["1", { startupProbe, livenessProbe: exec("l"), readinessProbe: exec("r") }]);
  await advance(60_000);
  assert.deepEqual(made, ["0 s 1", "2 s 1"]);
  assert.deepEqual(changes, ["2 failure success unknown"]);
  assert.equal(events.at(-1), "2 web Unhealthy: Startup probe failed: broken");
});

test("after the failure of its liveness probe, a container is not probed for liveness until it is another one", async (t) => {
  const { advance, sync, made, changes, state, take } = scene(t, { l: [ok, bad, bad, bad, ok], r: [ok] });
  const web = {
    livenessProbe: { ...exec("l"), periodSeconds: 5 },
    readinessProbe: { ...exec("r"), periodSeconds: 30 },
  };
  sync(["1", web]);
  await advance(29_000);
  assert.deepEqual(
    take(made).filter((one) => one.includes("l")),
    ["0 l 1", "5 l 1", "10 l 1", "15 l 1"],
  );
  assert.deepEqual(take(changes), ["0 success success success", "15 success failure success"]);
  sync();
  assert.equal(state("1"), "unknown success failure");
  await advance(3_000);
  sync(["2", web]);
  assert.equal(state("2"), "success success unknown");
  await advance(5_000);
  assert.deepEqual(take(made), ["32 l 2", "32 r 2", "37 l 2"]);
});

test("failures of an earlier container do not count for the next one", async (t) => {
  const { advance, sync, changes } = scene(t, { l: [bad] });
  const web = { livenessProbe: { ...exec("l"), periodSeconds: 1, failureThreshold: 3 } };
  sync(["1", web]);
  await advance(1_000);
  sync(["2", web]);
  await advance(1_000);
  assert.deepEqual(changes, []);
  await advance(1_000);
  assert.equal(changes.length, 1);
});

test("a probe that cannot be made is repeated twice, and then ignored", async (t) => {
  const oops = new Error("no such container");
  const { advance, sync, made, changes, events } = scene(t, {
    l: [bad, oops, oops, oops, bad, oops, oops, ok, bad, bad],
  });
  sync(["1", { livenessProbe: { ...exec("l"), periodSeconds: 1, failureThreshold: 3 } }]);
  await advance(6_000);
  assert.deepEqual(made.length, 11);
  assert.deepEqual(
    made.map((one) => one.split(" ")[0]),
    ["0", "1", "1", "1", "2", "3", "3", "3", "4", "5", "6"],
  );
  // Two failures around the one that was ignored, then a success: only the last three fail in a row.
  assert.deepEqual(changes, ["6 success failure success"]);
  assert.equal(
    events[1],
    "1 web Unhealthy: Liveness probe errored and resulted in unknown state: no such container",
  );
});

test("a warning counts as success, and is recorded", async (t) => {
  const { advance, sync, changes, events } = scene(t, { r: [{ result: "warning", output: "moved" }] });
  sync(["1", { readinessProbe: exec("r") }]);
  await advance(0);
  assert.deepEqual(changes, ["0 success success success"]);
  assert.deepEqual(events, ["0 web ProbeWarning: Readiness probe warning: moved"]);
});

test("a probe that takes longer than the period is followed at once by one, and then by the next of the period", async (t) => {
  const slow = { afterMs: 7_500, answer: ok };
  const { advance, sync, made } = scene(t, { r: [slow, ok] });
  sync(["1", { readinessProbe: { ...exec("r"), periodSeconds: 3, timeoutSeconds: 10 } }]);
  await advance(12_000);
  assert.deepEqual(made, ["0 r 1", "7.5 r 1", "9 r 1", "12 r 1"]);
});

test("the timeout is timeoutSeconds, 1 s by default", async (t) => {
  const clock = new VirtualClock();
  const timeouts: number[] = [];
  const run: ProbeRunner = async (_probe, _target, { timeoutMs }) => {
    timeouts.push(timeoutMs);
    return ok;
  };
  const probes = probesFactory(run)({ clock, record: () => undefined, onChange: () => undefined });
  t.after(() => probes.close());
  const one = { name: "a", livenessProbe: { ...exec("l"), timeoutSeconds: 7 }, readinessProbe: exec("r") };
  probes.sync(pod, [{ id: "1", container: one, startedAtMs: clock.now() }], []);
  assert.deepEqual(timeouts, [7_000, 1_000]);
});

test("on deletion, liveness and startup probes end as successes; readiness probes continue", async (t) => {
  const { advance, probes, sync, made, state, take, changes } = scene(t, { s: [bad], l: [bad], r: [bad] });
  const every = { periodSeconds: 1 };
  const a = { startupProbe: { ...exec("s"), ...every }, readinessProbe: { ...exec("r"), ...every } };
  const b = {
    livenessProbe: { ...exec("l"), ...every },
    readinessProbe: { ...exec("r"), ...every, failureThreshold: 100 },
  };
  sync(["1", a], ["2", b]);
  await advance(1_000);
  take(made);
  probes.stopRestarting();
  assert.equal(state("1"), "success success unknown");
  assert.equal(state("2"), "success success unknown");
  await advance(3_000);
  assert.deepEqual(
    made.map((one) => one.slice(2)),
    ["r 1", "r 2", "r 1", "r 2", "r 1", "r 2"],
  );
  assert.deepEqual(changes, ["4 success success failure, success success unknown"]);
  // Also those of a container that is seen only now.
  sync(["1", a], ["2", b], ["3", b]);
  assert.equal(state("3"), "success success unknown");
  take(made);
  await advance(2_000);
  assert.deepEqual(
    made.filter((one) => one.includes("l 3")),
    [],
  );
});

test("a probe that is running is canceled when its container ends, and its result does not count", async (t) => {
  const slow = { afterMs: 60_000, answer: bad };
  const { advance, sync, events, changes, signals, probes } = scene(t, { l: [slow], r: [slow] });
  sync(["1", { livenessProbe: exec("l") }], ["2", { readinessProbe: exec("r") }]);
  await advance(1_000);
  sync(["2", { readinessProbe: exec("r") }]);
  assert.deepEqual(
    signals.map(({ aborted }) => aborted),
    [true, false],
  );
  probes.close();
  assert.equal(signals[1]?.aborted, true);
  await advance(120_000);
  assert.deepEqual([events, changes], [[], []]);
  sync(["3", { readinessProbe: exec("r") }]);
  assert.equal(signals.length, 2, "a closed prober starts nothing");
});

test("a container without probes has started and is ready; an unknown one is neither", (t) => {
  const { sync, state } = scene(t, {});
  sync(["1", {}]);
  assert.equal(state("1"), "success success success");
  assert.equal(state("other"), "unknown success failure");
});
