import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { containerUsage, cpuCores, podUsage, withRates } from "../../src/observe.js";
import { nextTick } from "../../src/stats/watch.js";
import { fixtures } from "../../src/testing/index.js";

const second = 1_000_000_000n;
const reading = (atNanos: bigint, usageNanos: bigint | undefined) => ({ atNanos, usageNanos });

test("cpuCores() divides CPU time by the time between the readings, for any magnitude", () => {
  assert.equal(cpuCores(reading(10n * second, 3n * second), reading(12n * second, 6n * second)), 1.5);
  assert.equal(cpuCores(reading(second, 7n), reading(2n * second, 7n)), 0);
  const nanos = fc.bigInt({ min: 1n, max: 2n ** 62n });
  const cores = fc.integer({ min: 0, max: 4096 });
  fc.assert(
    fc.property(nanos, nanos, fc.integer({ min: 1, max: 1_000_000 }), cores, (at, used, ms, n) => {
      const span = BigInt(ms) * 1_000_000n;
      const rate = cpuCores(reading(at, used), reading(at + span, used + span * BigInt(n)));
      assert.ok(rate !== undefined && Math.abs(rate - n) <= n * 1e-12, `${rate} instead of ${n}`);
    }),
  );
});

test("cpuCores() returns undefined for an older reading, a reset counter and a missing time", () => {
  const before = reading(10n * second, 5n * second);
  assert.equal(cpuCores(before, reading(11n * second, 4n * second)), undefined);
  assert.equal(cpuCores(before, reading(10n * second, 6n * second)), undefined);
  assert.equal(cpuCores(before, reading(9n * second, 6n * second)), undefined);
  assert.equal(cpuCores(before, reading(11n * second, undefined)), undefined);
  assert.equal(cpuCores(reading(10n * second, undefined), reading(11n * second, 1n)), undefined);
  assert.equal(cpuCores(reading(0n, 0n), reading(11n * second, 1n)), undefined);
});

const stats = (id: string, timestamp: bigint, nanos: bigint, nanoCores?: bigint) =>
  fixtures.containerStats({
    attributes: { id },
    cpu: {
      timestamp,
      usageCoreNanoSeconds: { value: nanos },
      usageNanoCores: nanoCores === undefined ? undefined : { value: nanoCores },
    },
  });

test("withRates() joins samples by id; new objects keep the runtime's own rate", () => {
  const before = [stats("a", second, 0n, 9n), stats("removed", second, 0n)].map((one) => containerUsage(one));
  const after = [
    stats("new", 2n * second, 5n, second / 4n),
    stats("a", 3n * second, second, 9n * second),
  ].map((one) => containerUsage(one));
  const rates = withRates(before, after);
  assert.deepEqual(
    rates.map(({ id, cpu }) => [id, cpu?.cores]),
    [
      ["new", 0.25],
      ["a", 0.5],
    ],
  );
  assert.equal(rates[1]?.cpu?.usageNanos, second);
  assert.equal(rates[1]?.message, after[1]?.message);
});

test("a restart results in no rate, even if the runtime reports one; a repeated reading keeps its rate", () => {
  const [before] = withRates(
    [containerUsage(stats("a", second, 0n))],
    [containerUsage(stats("a", 2n * second, second))],
  );
  assert.ok(before);
  const restarted = withRates([before], [containerUsage(stats("a", 3n * second, 5n, second))]);
  assert.equal(restarted[0]?.cpu?.cores, undefined);
  const twice = withRates([before], [containerUsage(stats("a", 2n * second, second))]);
  assert.equal(twice[0]?.cpu?.cores, 1);
});

test("without two usable readings, the runtime's own rate is kept", () => {
  /** A reading of the runtime: time, counter, own rate. */
  type Reported = [at: bigint, nanos: bigint | undefined, cores: bigint | undefined];
  const usage = ([timestamp, nanos, cores]: Reported) =>
    containerUsage(
      fixtures.containerStats({
        attributes: { id: "a" },
        cpu: {
          timestamp,
          usageCoreNanoSeconds: nanos === undefined ? undefined : { value: nanos },
          usageNanoCores: cores === undefined ? undefined : { value: cores },
        },
      }),
    );
  const cores = (before: Reported, after: Reported) =>
    withRates([usage(before)], [usage(after)])[0]?.cpu?.cores;
  const [own, other] = [second / 2n, 2n * second];
  assert.equal(cores([0n, undefined, other], [0n, undefined, own]), 0.5);
  assert.equal(cores([0n, 7n, other], [0n, 7n, own]), 0.5, "0 is not a time, so these are two readings");
  assert.equal(cores([second, 7n, other], [0n, 8n, own]), 0.5);
  assert.equal(cores([second, undefined, other], [2n * second, undefined, own]), 0.5);
  assert.equal(cores([second, undefined, other], [2n * second, 7n, own]), 0.5);
  assert.equal(
    cores([second, 7n, undefined], [second, 7n, own]),
    0.5,
    "the rate is known only the second time",
  );
  assert.equal(cores([second, 7n, other], [second, 7n, own]), 2, "the known rate of a reading is kept");
  assert.equal(cores([second, 7n, other], [second, 8n, own]), 0.5, "two readings at the same time");
  assert.equal(cores([0n, 7n, other], [0n, 6n, own]), undefined, "the counter was reset");
  assert.equal(cores([second, 7n, other], [2n * second, 7n, own]), 0, "a rate of 0 is valid");
});

test("withRates() also computes the rates of a pod's containers", () => {
  const pod = (timestamp: bigint, nanos: bigint) =>
    podUsage(
      fixtures.podSandboxStats({
        attributes: { id: "p" },
        linux: {
          cpu: { timestamp, usageCoreNanoSeconds: { value: 2n * nanos } },
          containers: [stats("c", timestamp, nanos)],
        },
      }),
    );
  const [after] = withRates([pod(second, 0n)], [pod(2n * second, second)]);
  assert.equal(after?.cpu?.cores, 2);
  assert.equal(after?.containers[0]?.cpu?.cores, 1);
});

test("ticks stay on schedule when one is late, and are never in the past", () => {
  assert.equal(nextTick(0, 3, 100), 1);
  assert.equal(nextTick(1, 130, 100), 2);
  assert.equal(nextTick(1, 990, 100), 10);
  fc.assert(
    fc.property(
      fc.nat(1000),
      fc.double({ min: 0, max: 1e7, noNaN: true }),
      fc.integer({ min: 1, max: 1e5 }),
      (tick, elapsedMs, intervalMs) => {
        const next = nextTick(tick, elapsedMs, intervalMs);
        assert.ok(Number.isInteger(next) && next > tick && next * intervalMs >= elapsedMs - 1e-6);
        assert.ok(
          next === tick + 1 || (next - 1) * intervalMs < elapsedMs,
          "a tick was skipped without need",
        );
      },
    ),
  );
});
