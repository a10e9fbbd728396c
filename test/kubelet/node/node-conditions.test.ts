import assert from "node:assert/strict";
import { test } from "node:test";
import {
  checkedConditions,
  conditionEvents,
  nodeConditions,
  sinceEarlier,
  withTimes,
} from "../../../src/kubelet/node/node-conditions.js";

const healthy = { runtimeErrors: [], networkError: undefined };
const noPressure = { memory: false, disk: false, pid: false };
const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, seconds));

test("conditions, their order, reasons and messages are the kubelet's", () => {
  assert.deepEqual(
    nodeConditions(noPressure, healthy).map(({ type, status, reason, message }) => [
      type,
      status,
      reason,
      message,
    ]),
    [
      ["MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"],
      ["DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"],
      ["PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"],
      ["Ready", "True", "KubeletReady", "kubelet is posting ready status"],
    ],
  );
  assert.deepEqual(
    nodeConditions({ memory: true, disk: true, pid: true }, healthy).map(({ status, reason }) => [
      status,
      reason,
    ]),
    [
      ["True", "KubeletHasInsufficientMemory"],
      ["True", "KubeletHasDiskPressure"],
      ["True", "KubeletHasInsufficientPID"],
      ["True", "KubeletReady"],
    ],
  );
});

test("a node with errors is not ready, and its message has each error once", () => {
  const ready = (runtimeErrors: readonly string[], networkError?: string) =>
    nodeConditions(noPressure, { runtimeErrors, networkError }).at(-1);
  assert.deepEqual(ready(["container runtime is down"]), {
    type: "Ready",
    status: "False",
    reason: "KubeletNotReady",
    message: "container runtime is down",
  });
  assert.equal(ready(["a", "b", "a"], "c")?.message, "[a, b, c]");
  assert.equal(ready([], "no network")?.message, "no network");
});

test("the transition time is that of the last change of the status, the heartbeat is now", () => {
  const state = (status: string, reason: string) => ({ type: "Ready", status, reason });
  const first = withTimes([state("True", "a")], [], at(0));
  assert.deepEqual(first, [{ ...state("True", "a"), lastHeartbeatTime: at(0), lastTransitionTime: at(0) }]);
  const second = withTimes([state("True", "b")], first, at(10));
  assert.deepEqual(second, [{ ...state("True", "b"), lastHeartbeatTime: at(10), lastTransitionTime: at(0) }]);
  const third = withTimes([state("False", "c"), { type: "Own", status: "True" }], second, at(20));
  assert.deepEqual(
    third.map(({ lastTransitionTime }) => lastTransitionTime),
    [at(20), at(20)],
  );
});

test("an earlier run's times are continued where the status is the same", () => {
  const now = withTimes(nodeConditions(noPressure, healthy), [], at(50));
  const earlier = [
    { type: "Ready", status: "True", lastTransitionTime: at(1).toISOString() },
    { type: "DiskPressure", status: "True", lastTransitionTime: at(2) },
    { type: "PIDPressure", status: "False" },
  ];
  assert.deepEqual(
    sinceEarlier(now, earlier).map(({ type, lastTransitionTime }) => [type, lastTransitionTime]),
    [
      ["MemoryPressure", at(50)],
      ["DiskPressure", at(50)],
      ["PIDPressure", at(50)],
      ["Ready", at(1)],
    ],
  );
});

test("changes of conditions are events", () => {
  const conditions = (memory: boolean, errors: readonly string[]) =>
    nodeConditions({ ...noPressure, memory }, { ...healthy, runtimeErrors: errors });
  const start = conditionEvents([], conditions(false, []));
  assert.deepEqual(start, [
    "NodeHasSufficientMemory",
    "NodeHasNoDiskPressure",
    "NodeHasSufficientPID",
    "NodeReady",
  ]);
  assert.deepEqual(conditionEvents(conditions(false, []), conditions(false, [])), []);
  assert.deepEqual(conditionEvents(conditions(false, []), conditions(true, ["x"])), [
    "NodeHasInsufficientMemory",
    "NodeNotReady",
  ]);
  assert.deepEqual(conditionEvents(conditions(true, ["x"]), conditions(true, ["y"])), []);
  assert.deepEqual(conditionEvents([], [{ type: "Own", status: "True" }]), []);
});

test("conditions from a callback are checked", () => {
  const ready = { type: "Ready", status: "True" };
  assert.deepEqual(checkedConditions([ready, { type: "Own", status: "Unknown" }]), [
    ready,
    { type: "Own", status: "Unknown" },
  ]);
  const wrong: readonly (readonly [given: unknown, message: RegExp])[] = [
    [undefined, /must return conditions/],
    [{ ready }, /must return conditions/],
    [[{ ...ready, status: true }], /must return conditions/],
    [[null], /must return conditions/],
    [[ready, ready], /each type of condition once/],
    [[{ type: "Own", status: "True" }], /must return the condition Ready/],
  ];
  for (const [given, message] of wrong)
    assert.throws(() => checkedConditions(given as Parameters<typeof checkedConditions>[0]), message);
});
