import assert from "node:assert/strict";
import { test } from "node:test";
import { type EvictionOptions, evictionTable } from "../../../src/kubelet/eviction/index.js";
import { MetThresholds } from "../../../src/kubelet/eviction/met-thresholds.js";
import { resolveThresholds } from "../../../src/kubelet/eviction/options.js";
import type { EvictionSignal, Observations } from "../../../src/kubelet/eviction/signals.js";

const Mi = 1024n * 1024n;
const memory = (availableMi: bigint, more: Observations["signals"] = {}): Observations => ({
  signals: { "memory.available": { available: availableMi * Mi, capacity: 1_000n * Mi }, ...more },
  hasOwnImageFs: false,
  hasOwnContainerFs: false,
});
const metOf = (options: EvictionOptions, transitionMs = 300_000) =>
  new MetThresholds(resolveThresholds(options), transitionMs);
const names = (met: readonly { readonly signal: EvictionSignal }[]) => met.map(({ signal }) => signal);

test("amounts and shares; the defaults are those of the kubelet", () => {
  const met = metOf({});
  assert.deepEqual(names(met.update(0, memory(100n))), []);
  assert.deepEqual(names(met.update(0, memory(99n))), ["memory.available"]);
  const space = (free: bigint) => ({ available: free, capacity: 1_000n });
  const observed = (more: Observations["signals"]) => metOf({}).update(0, memory(500n, more));
  assert.deepEqual(names(observed({ "nodefs.available": space(100n) })), []);
  assert.deepEqual(observed({ "nodefs.available": space(99n) }), [
    { signal: "nodefs.available", kind: "hard", quantity: 100n, observed: space(99n) },
  ]);
  assert.deepEqual(names(observed({ "imagefs.available": space(149n), "nodefs.inodesFree": space(49n) })), [
    "nodefs.inodesFree",
    "imagefs.available",
  ]);
  assert.deepEqual(names(observed({ "pid.available": space(0n) })), [], "no default");
});

test("given hard thresholds replace the defaults; 0 and 100 percent switch one off", () => {
  const met = metOf({
    hard: { "pid.available": "100", "nodefs.available": "0%", "imagefs.available": "100%" },
  });
  const none = { available: 0n, capacity: 1_000n };
  const signals = { "pid.available": none, "nodefs.available": none, "imagefs.available": none };
  assert.deepEqual(names(met.update(0, memory(0n, signals))), ["pid.available"]);
});

test("refuses unknown signals, invalid amounts, and soft thresholds without a grace period", () => {
  const problems = (options: unknown) => {
    try {
      evictionTable.check("createKubelet", options as EvictionOptions);
      return undefined;
    } catch (error) {
      return String(error);
    }
  };
  assert.match(
    problems({ hard: { "memory.free": "1Gi" } }) ?? "",
    /hard\["memory.free"\] is not a signal; the signals are memory.available/,
  );
  for (const wrong of ["10 %", "101%", "-5%", "1GB", "", "-1Gi"])
    assert.match(
      problems({ soft: { "memory.available": wrong } }) ?? "",
      /soft\["memory.available"\] must be an amount such as "100Mi", or a share such as "10%"/,
      wrong,
    );
  assert.match(
    problems({ softGracePeriodMs: { "memory.available": -1 } }) ?? "",
    /must be 0 or more milliseconds/,
  );
  assert.match(problems({ hard: [] }) ?? "", /hard must be an object/);
  assert.equal(
    problems({ hard: { "memory.available": "5%" }, minReclaim: { "memory.available": "0" } }),
    undefined,
  );
  assert.throws(() => resolveThresholds({ soft: { "memory.available": "1Gi" } }), {
    message: /softGracePeriodMs must have the grace period of the soft threshold memory.available/,
  });
});

test("a soft threshold counts once it was met for its grace period without a break", () => {
  const met = metOf({
    hard: {},
    soft: { "memory.available": "200Mi" },
    softGracePeriodMs: { "memory.available": 60_000 },
  });
  assert.deepEqual(names(met.update(0, memory(150n))), []);
  assert.equal(met.pressures.memory, true, "the pressure is there at once");
  assert.deepEqual(names(met.update(59_000, memory(150n))), []);
  assert.deepEqual(names(met.update(60_000, memory(150n))), ["memory.available"]);
  assert.deepEqual(names(met.update(61_000, memory(250n))), []);
  assert.deepEqual(names(met.update(70_000, memory(150n))), []);
});

test("a threshold that was met is resolved only when its minimum is reclaimed as well", () => {
  const met = metOf({ hard: { "memory.available": "100Mi" }, minReclaim: { "memory.available": "50Mi" } });
  assert.deepEqual(names(met.update(0, memory(149n))), [], "was not met before");
  assert.deepEqual(names(met.update(1, memory(99n))), ["memory.available"]);
  assert.equal(met.areResolved(memory(149n)), false);
  assert.deepEqual(names(met.update(2, memory(149n))), ["memory.available"]);
  assert.equal(met.areResolved(memory(150n)), true);
  assert.deepEqual(names(met.update(3, memory(150n))), []);
  assert.deepEqual(names(met.update(4, memory(149n))), []);
});

test("a pressure ends the transition period after its threshold was met last", () => {
  const low = { available: 1n, capacity: 1_000n };
  const met = metOf({});
  met.update(0, memory(99n, { "imagefs.inodesFree": low }));
  assert.deepEqual(met.pressures, { memory: true, disk: true, pid: false });
  met.update(10_000, memory(99n));
  met.update(299_999, memory(500n));
  assert.deepEqual(met.pressures, { memory: true, disk: true, pid: false });
  met.update(300_000, memory(500n));
  assert.deepEqual(met.pressures, { memory: true, disk: false, pid: false });
  met.update(310_000, memory(500n));
  assert.deepEqual(met.pressures, { memory: false, disk: false, pid: false });
});

test("without a transition period, a pressure lasts as long as its threshold is met", () => {
  const met = metOf({}, 0);
  met.update(0, memory(99n));
  assert.equal(met.pressures.memory, true);
  met.update(1, memory(101n));
  assert.equal(met.pressures.memory, false);
});

test("memory comes first, and a signal that was not measured causes nothing", () => {
  const low = { available: 0n, capacity: 1_000n };
  const options = {
    hard: { "nodefs.available": "10%", "memory.available": "100Mi", "pid.available": "10" },
  } as const;
  assert.deepEqual(names(metOf(options).update(0, memory(0n, { "nodefs.available": low }))), [
    "memory.available",
    "nodefs.available",
  ]);
});
