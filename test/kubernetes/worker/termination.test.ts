import assert from "node:assert/strict";
import { test } from "node:test";
import type { KillReason } from "../../../src/kubernetes/worker/container-kills.js";
import {
  killGraceSeconds,
  podGraceSeconds,
  remainingGraceSeconds,
  stopTimeoutSeconds,
} from "../../../src/kubernetes/worker/grace.js";
import { terminationPlan } from "../../../src/kubernetes/worker/termination.js";
import type { Container, Pod } from "../../../src/kubernetes.js";
import { observedOf, podOf, sidecar } from "../../support/observed-pods.js";

test("the grace period of a single container: deletion, probe, pod, 2", () => {
  const probes: Container = {
    name: "app",
    livenessProbe: { exec: {}, terminationGracePeriodSeconds: 7 },
    startupProbe: { exec: {}, terminationGracePeriodSeconds: 50 },
  };
  const rows: readonly [Pod, Container, KillReason, number][] = [
    [podOf(), { name: "app" }, "livenessProbe", 30],
    [podOf({ terminationGracePeriodSeconds: 5 }), probes, "definitionChanged", 5],
    [podOf({ terminationGracePeriodSeconds: 5 }), probes, "unknownState", 5],
    [podOf({ terminationGracePeriodSeconds: 5 }), probes, "livenessProbe", 7],
    [podOf({ terminationGracePeriodSeconds: 5 }), probes, "startupProbe", 50],
    [podOf({}, { deletionGracePeriodSeconds: 3 }), probes, "livenessProbe", 3],
    [podOf({}, { deletionGracePeriodSeconds: 0 }), probes, "livenessProbe", 0],
    [{ spec: { containers: [] } }, { name: "app" }, "livenessProbe", 2],
    // Without a grace period of the pod, that of a probe does not count.
    [{ spec: { containers: [] } }, probes, "livenessProbe", 2],
  ];
  for (const [pod, container, reason, seconds] of rows)
    assert.equal(killGraceSeconds(pod, container, reason), seconds, `${reason} ${seconds}`);
});

test("the grace period of a pod: given, at least 1, and it only shrinks", () => {
  const spec = { terminationGracePeriodSeconds: 30 };
  const rows: readonly [
    metadata: Pod["metadata"],
    options: Parameters<typeof podGraceSeconds>[1],
    seconds: number,
  ][] = [
    [{}, {}, 30],
    [{ deletionGracePeriodSeconds: 5 }, {}, 5],
    [{ deletionGracePeriodSeconds: 0 }, {}, 1],
    [{ deletionGracePeriodSeconds: 60 }, {}, 60],
    [{}, { overrideSeconds: 60 }, 60],
    [{}, { overrideSeconds: 0 }, 1],
    [{ deletionGracePeriodSeconds: 5 }, { overrideSeconds: 60 }, 5],
    [{ deletionGracePeriodSeconds: 0 }, { overrideSeconds: 60 }, 1],
    [{ deletionGracePeriodSeconds: 60 }, { overrideSeconds: 5 }, 5],
    [{}, { previousSeconds: 10 }, 10],
    [{}, { previousSeconds: 10, overrideSeconds: 60 }, 10],
    [{ deletionGracePeriodSeconds: 3 }, { previousSeconds: 10 }, 3],
  ];
  for (const [metadata, options, seconds] of rows)
    assert.equal(
      podGraceSeconds(podOf(spec, metadata), options),
      seconds,
      JSON.stringify([metadata, options]),
    );
  assert.equal(podGraceSeconds(podOf({ terminationGracePeriodSeconds: 0 })), 1);
});

test("row 37: StopContainer has what the hook leaves, at least 2 seconds", () => {
  const timeoutAfter = (pod: Pod, ...stepsMs: readonly number[]) =>
    stopTimeoutSeconds(stepsMs.reduce(remainingGraceSeconds, podGraceSeconds(pod)));
  const pod = podOf({ terminationGracePeriodSeconds: 30 });
  assert.equal(timeoutAfter(pod, 12_700), 18n);
  assert.equal(timeoutAfter(pod, 30_000), 2n);
  assert.equal(timeoutAfter(pod, 31_000), 2n);
  assert.equal(timeoutAfter(pod), 30n);
  assert.equal(timeoutAfter(podOf({}, { deletionGracePeriodSeconds: 0 })), 2n);
  assert.equal(timeoutAfter(podOf({}, { deletionGracePeriodSeconds: 0 }), 1_000), 2n);
  // Each step is rounded down for itself.
  assert.equal(timeoutAfter(pod, 10_900, 5_900), 15n);
});

const preStop = { exec: { command: ["sync"] } };

test("all running containers stop, then all sandboxes; sidecars last, in reverse order", () => {
  const pod = podOf({
    initContainers: [sidecar("s"), "i", sidecar("t"), sidecar("u")],
    containers: [{ name: "a", lifecycle: { preStop } }, "b"],
    ephemeralContainers: ["d"],
  });
  const running = ["s", "t", "a", "b", "d"].map((name) => ({ name }));
  const others = [
    { name: "i", state: "exited" as const },
    { name: "u", state: "unknown" as const },
  ];
  const sandboxes = [
    { id: "new", attempt: 1 },
    { id: "old", isReady: false },
  ];
  const plan = terminationPlan(pod, observedOf([...running, ...others], sandboxes));
  assert.deepEqual(plan.sandboxIds, ["new", "old"]);
  assert.deepEqual(
    Object.fromEntries(plan.containers.map(({ id, waitsFor }) => [id, [...waitsFor].sort()])),
    { "s-0": ["a-0", "b-0", "t-0"], "t-0": ["a-0", "b-0"], "a-0": [], "b-0": [], "d-0": [] },
  );
  for (const { name, preStop: hook, graceSeconds } of plan.containers) {
    assert.deepEqual(hook, name === "a" ? preStop : undefined);
    assert.equal(graceSeconds, 30);
  }
});

test("sidecars wait for all that started after them", () => {
  const pod = podOf({ initContainers: [sidecar("s"), sidecar("t"), sidecar("u")] });
  const plan = terminationPlan(pod, observedOf(["s", "t", "u", "app"].map((name) => ({ name }))));
  assert.deepEqual(
    Object.fromEntries(plan.containers.map(({ id, waitsFor }) => [id, [...waitsFor].sort()])),
    { "s-0": ["app-0", "t-0", "u-0"], "t-0": ["app-0", "u-0"], "u-0": ["app-0"], "app-0": [] },
  );
});

test("a grace period that is given replaces the pod's; with 0, no hook runs", () => {
  const pod = podOf(
    { containers: [{ name: "app", lifecycle: { preStop } }] },
    { deletionGracePeriodSeconds: 9 },
  );
  const planned = (graceSeconds?: number) => {
    const [container] = terminationPlan(pod, observedOf([{}]), { graceSeconds }).containers;
    return [container?.graceSeconds, container?.preStop];
  };
  assert.deepEqual(planned(), [9, preStop]);
  assert.deepEqual(planned(1), [1, preStop]);
  assert.deepEqual(planned(0), [0, undefined]);
});

test("without a Pod, annotations have the hook and the grace period", () => {
  const stop = (annotations: Record<string, string>, graceSeconds?: number) => {
    const observed = observedOf([{ annotations: prefixed(annotations) }]);
    const [container] = terminationPlan(undefined, observed, { graceSeconds }).containers;
    return [container?.graceSeconds, container?.preStop];
  };
  const hook = { "container.preStopHandler": JSON.stringify(preStop) };
  assert.deepEqual(stop({ ...hook, "pod.terminationGracePeriod": "40" }), [40, preStop]);
  assert.deepEqual(stop({ ...hook, "pod.terminationGracePeriod": "40", "pod.deletionGracePeriod": "0" }), [
    0,
    undefined,
  ]);
  assert.deepEqual(stop({ ...hook, "pod.terminationGracePeriod": "40" }, 1), [1, preStop]);
  assert.deepEqual(stop({}), [2, undefined]);
  for (const broken of ["{", "null", "[]", "7", '{"other":{}}'])
    assert.deepEqual(stop({ "container.preStopHandler": broken, "pod.terminationGracePeriod": "x" }), [
      2,
      undefined,
    ]);
});

test("a container that the Pod does not have any more has the hook of its annotations", () => {
  const annotations = prefixed({ "container.preStopHandler": JSON.stringify(preStop) });
  const [gone] = terminationPlan(podOf(), observedOf([{ name: "gone", annotations }])).containers;
  assert.deepEqual(gone?.preStop, preStop);
  assert.deepEqual(gone?.graceSeconds, 30);
});

function prefixed(annotations: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(annotations).map(([key, value]) => [`io.kubernetes.${key}`, value]),
  );
}
