import assert from "node:assert/strict";
import { test } from "node:test";
import { type CorrelatedEvent, EventCorrelator, type KubeletEvent } from "../../../src/kubelet/index.js";

const start = Date.UTC(2026, 0, 1);

/** A correlator with a time that the test sets. */
class Recording {
  nowMs = start;
  readonly correlator = new EventCorrelator({ clock: { now: () => this.nowMs }, host: "node-1" });

  record(
    message: string,
    event: Partial<KubeletEvent> = {},
    object: Partial<KubeletEvent["object"]> = {},
  ): CorrelatedEvent {
    const pod = { kind: "Pod", namespace: "test", name: "web", uid: "uid-of-web" } as const;
    return this.correlator.correlate({
      type: "Normal",
      reason: "Pulled",
      message,
      timeMs: this.nowMs,
      ...event,
      object: { ...pod, ...object },
    });
  }
}

/** The action, the count and the message of what is to be written. */
function written(result: CorrelatedEvent): readonly unknown[] {
  if (result.action === "drop") return ["drop"];
  if (result.action === "create") return ["create", result.event.count, result.event.message];
  return ["patch", result.patch.count, result.patch.message];
}

test("an Event has the fields that client-go sets", () => {
  const recording = new Recording();
  const result = recording.record("pulled", {}, { fieldPath: "spec.containers{main}" });
  const time = new Date(start);
  assert.deepEqual(result, {
    action: "create",
    event: {
      apiVersion: "v1",
      kind: "Event",
      metadata: { name: `web.${(BigInt(start) * 1_000_000n).toString(16)}`, namespace: "test" },
      involvedObject: {
        apiVersion: "v1",
        kind: "Pod",
        namespace: "test",
        name: "web",
        uid: "uid-of-web",
        fieldPath: "spec.containers{main}",
      },
      type: "Normal",
      reason: "Pulled",
      message: "pulled",
      count: 1,
      firstTimestamp: time,
      lastTimestamp: time,
      source: { component: "kubelet", host: "node-1" },
      reportingComponent: "kubelet",
      reportingInstance: "node-1",
    },
  });
});

test("events of a node are in the namespace default, without a namespace of the object", () => {
  const object = { kind: "Node", namespace: "", name: "node-1", uid: "node-1" } as const;
  const result = new Recording().record("x", { object }, object);
  assert.equal(result.action, "create");
  assert.equal(result.action === "create" && result.event.metadata.namespace, "default");
  assert.deepEqual(result.action === "create" && result.event.involvedObject, {
    apiVersion: "v1",
    kind: "Node",
    name: "node-1",
    uid: "node-1",
  });
});

test("names differ within one millisecond, when the clock is set back, and for the longest names of pods", () => {
  const recording = new Recording();
  const names = new Set<string>();
  const long = "a".repeat(253);
  for (const [index, name] of ["a", "a", "a", long].entries()) {
    if (index === 2) recording.nowMs -= 10_000;
    const result = recording.record(`message ${index}`, {}, { name });
    assert.equal(result.action, "create");
    if (result.action === "create") names.add(result.event.metadata.name);
  }
  assert.equal(names.size, 4);
  for (const name of names) assert.match(name, /^(?=.{1,253}$)a+\.[0-9a-f]{16}$/);
});

test("the same event again is a patch of the first one, with a count", () => {
  const recording = new Recording();
  const first = recording.record("pulled");
  recording.nowMs += 5_000;
  const second = recording.record("pulled");
  assert.equal(first.action, "create");
  assert.equal(second.action, "patch");
  assert.deepEqual(second.action === "patch" && second.patch, {
    count: 2,
    lastTimestamp: new Date(start + 5_000),
    message: "pulled",
  });
  if (first.action !== "create" || second.action !== "patch") return;
  assert.deepEqual(second.event.metadata, first.event.metadata);
  assert.deepEqual(second.event.firstTimestamp, new Date(start));
  assert.deepEqual(written(recording.record("pulled")), ["patch", 3, "pulled"]);
});

test("another object, container, type, reason or message is another event", () => {
  const recording = new Recording();
  recording.record("pulled");
  const others = [
    recording.record("pulled", {}, { uid: "another" }),
    recording.record("pulled", {}, { fieldPath: "spec.containers{sidecar}" }),
    recording.record("pulled", { type: "Warning" }),
    recording.record("pulled", { reason: "Pulling" }),
    recording.record("pulled again"),
  ];
  assert.deepEqual(
    others.map(({ action }) => action),
    Array(5).fill("create"),
  );
});

test("from the tenth message on, similar events are one event, which is counted", () => {
  const recording = new Recording();
  const results = Array.from({ length: 12 }, (_, index) => written(recording.record(`attempt ${index + 1}`)));
  assert.deepEqual(
    results.slice(0, 9),
    Array.from({ length: 9 }, (_, index) => ["create", 1, `attempt ${index + 1}`]),
  );
  assert.deepEqual(results.slice(9), [
    ["create", 1, "(combined from similar events): attempt 10"],
    ["patch", 2, "(combined from similar events): attempt 11"],
    ["patch", 3, "(combined from similar events): attempt 12"],
  ]);
});

test("a repeated message is counted separately, even after similar ones were aggregated", () => {
  const recording = new Recording();
  for (let index = 0; index < 10; index++) recording.record(`attempt ${index}`);
  assert.deepEqual(written(recording.record("attempt 8")), ["patch", 2, "attempt 8"]);
  assert.deepEqual(written(recording.record("attempt 8")), ["patch", 3, "attempt 8"]);
  assert.deepEqual(written(recording.record("another")), [
    "patch",
    2,
    "(combined from similar events): another",
  ]);
});

test("other reasons and other objects are not combined with them", () => {
  const recording = new Recording();
  for (let index = 0; index < 12; index++) recording.record(`attempt ${index}`);
  assert.deepEqual(written(recording.record("attempt 99", { reason: "Failed" })), [
    "create",
    1,
    "attempt 99",
  ]);
  assert.deepEqual(written(recording.record("attempt 99", {}, { uid: "another" })), [
    "create",
    1,
    "attempt 99",
  ]);
});

test("ten minutes without a similar event end the combination", () => {
  const recording = new Recording();
  for (let index = 0; index < 12; index++) recording.record(`attempt ${index}`);
  recording.nowMs += 600_000;
  assert.deepEqual(written(recording.record("at the limit")), [
    "patch",
    4,
    "(combined from similar events): at the limit",
  ]);
  recording.nowMs += 600_001;
  assert.deepEqual(written(recording.record("after it")), ["create", 1, "after it"]);
});

test("an object may have 25 events at once, and one more each five minutes", () => {
  const recording = new Recording();
  const actions = Array.from({ length: 30 }, () => recording.record("again").action);
  assert.deepEqual(actions, ["create", ...Array(24).fill("patch"), ...Array(5).fill("drop")]);
  assert.equal(
    recording.record("again", {}, { uid: "another" }).action,
    "create",
    "others have their own limit",
  );

  recording.nowMs += 299_999;
  assert.equal(recording.record("again").action, "drop");
  recording.nowMs += 1;
  // 30 at first, the one before, and this one: what was dropped is counted.
  assert.deepEqual(written(recording.record("again")), ["patch", 32, "again"]);
  assert.equal(recording.record("again").action, "drop");

  recording.nowMs += 24 * 3_600_000;
  const later = Array.from({ length: 26 }, () => recording.record("again").action);
  assert.deepEqual(later, [...Array(25).fill("patch"), "drop"], "no more than 25 are saved up");
});

test("a clock that is set back gives no more events, and takes none", () => {
  const recording = new Recording();
  for (let index = 0; index < 25; index++) recording.record("again");
  recording.nowMs -= 3_600_000;
  assert.equal(recording.record("again").action, "drop");
  recording.nowMs += 300_000;
  assert.equal(recording.record("again").action, "patch");
});

test("the number of remembered objects is limited: the most recently used ones stay", () => {
  const recording = new Recording();
  recording.record("again");
  for (let index = 0; index < 4095; index++) recording.record("once", {}, { uid: `uid ${index}` });
  assert.equal(recording.record("again").action, "patch");
  for (let index = 0; index < 4096; index++) recording.record("once", {}, { uid: `other uid ${index}` });
  assert.equal(recording.record("again").action, "create");
});

test("wrong options are refused", () => {
  const clock = { now: () => 0 };
  assert.throws(() => new EventCorrelator({ clock, host: "" }), /host must be a string that is not empty/);
  const misspelt = { clock, host: "node-1", components: "x" };
  assert.throws(
    () => new EventCorrelator(misspelt),
    /components is not an option \(did you mean component\?\)/,
  );
});
