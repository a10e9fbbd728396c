import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { containerUsage, cpuCores, podUsage, withRates } from "../../src/index.js";
import { nextBeat } from "../../src/stats/watch.js";
import { fixtures } from "../../src/testing/index.js";

const second = 1_000_000_000n;
const reading = (atNanos: bigint, usageNanos: bigint | undefined) => ({ atNanos, usageNanos });

test("the rate is CPU time by the time between the readings, whatever their sizes", () => {
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

test("what cannot be told is undefined: an older reading, a counter that went back, a reading without time", () => {
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

test("samples are joined by id; who is new keeps the runtime's own rate", () => {
  const before = [stats("a", second, 0n, 9n), stats("gone", second, 0n)].map((one) => containerUsage(one));
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

test("a restart gives no rate, also where the runtime has one; a reading told twice keeps its rate", () => {
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

test("where readings give no rate, the runtime's own one stays: no times, no counter, a time told twice", () => {
  /** What is told of the second one of two readings: time, counter, the runtime's own cores. */
  type Told = [at: bigint, nanos: bigint | undefined, cores: bigint | undefined];
  const usage = ([timestamp, nanos, cores]: Told) =>
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
  const cores = (before: Told, after: Told) => withRates([usage(before)], [usage(after)])[0]?.cpu?.cores;
  const [own, other] = [second / 2n, 2n * second];
  assert.equal(cores([0n, undefined, other], [0n, undefined, own]), 0.5);
  assert.equal(cores([0n, 7n, other], [0n, 7n, own]), 0.5, "0 is no time, and so never the same one");
  assert.equal(cores([second, 7n, other], [0n, 8n, own]), 0.5);
  assert.equal(cores([second, undefined, other], [2n * second, undefined, own]), 0.5);
  assert.equal(cores([second, undefined, other], [2n * second, 7n, own]), 0.5);
  assert.equal(cores([second, 7n, undefined], [second, 7n, own]), 0.5, "known the second time only");
  assert.equal(cores([second, 7n, other], [second, 7n, own]), 2, "what was known of a reading still holds");
  assert.equal(cores([second, 7n, other], [second, 8n, own]), 0.5, "at one time, but not the same reading");
  assert.equal(cores([0n, 7n, other], [0n, 6n, own]), undefined, "it went back");
  assert.equal(cores([second, 7n, other], [2n * second, 7n, own]), 0, "a rate of 0 is one");
});

test("the containers in a pod have rates, too", () => {
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

test("beats stay where they are, however late one is, and none is in the past", () => {
  assert.equal(nextBeat(0, 3, 100), 1);
  assert.equal(nextBeat(1, 130, 100), 2);
  assert.equal(nextBeat(1, 990, 100), 10);
  fc.assert(
    fc.property(
      fc.nat(1000),
      fc.double({ min: 0, max: 1e7, noNaN: true }),
      fc.integer({ min: 1, max: 1e5 }),
      (beat, elapsedMs, intervalMs) => {
        const next = nextBeat(beat, elapsedMs, intervalMs);
        assert.ok(Number.isInteger(next) && next > beat && next * intervalMs >= elapsedMs - 1e-6);
        assert.ok(
          next === beat + 1 || (next - 1) * intervalMs < elapsedMs,
          "a beat was left out for nothing",
        );
      },
    ),
  );
});
