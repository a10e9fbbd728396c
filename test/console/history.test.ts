// Usage over time: what the server keeps, and the plots of the page.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContainerRow } from "../../examples/console/messages.js";
import { History } from "../../examples/console/node/history.js";
import { bytes, cores, exitSummary, span } from "../../examples/console/page/format.js";
import { NodeState } from "../../examples/console/page/node-state.js";
import { Series } from "../../examples/console/page/series.js";

const start = 1_000_000 * 10_000;

test("a step has the mean of the CPU usage and the peak of the memory", () => {
  const history = new History(2_000);
  const memory = [10, 30, 20, 20, 20];
  for (const [n, value] of memory.entries()) history.add(start + n * 2_000, new Map([[1, [n * 100, value]]]));
  history.add(start + 10_000, new Map([[2, [7, 8]]]));
  const { endAt, stepMs, rows } = history.steps();
  assert.equal(stepMs, 10_000);
  assert.equal(endAt, start + 20_000);
  const [, cpu, peaks] = rows.find(([key]) => key === 1) ?? [];
  assert.deepEqual(cpu, [200, null], "it ended before the last step");
  assert.deepEqual(peaks, [30, null]);
  assert.deepEqual(rows.find(([key]) => key === 2)?.[1], [7]);
});

test("the server keeps ten minutes, and forgets removed containers", () => {
  const history = new History(2_000);
  for (let n = 0; n < 400; n++) history.add(start + n * 2_000, new Map([[1, [n, n]]]));
  const { at, milliCores } = history.of(1);
  assert.equal(at.length, 300);
  assert.equal(at[0], start + 100 * 2_000);
  assert.deepEqual([milliCores[0], milliCores.at(-1)], [100, 399]);
  const [row] = history.steps().rows;
  assert.ok(row?.[1].every((value) => value !== null));
  history.delete(1);
  assert.deepEqual(history.steps().rows, []);
  assert.ok(history.of(1).milliCores.every((value) => value === null));
});

test("the page's plots go on where the server's values end", () => {
  const history = new History(2_000);
  const page = new Series(10_000, start);
  for (let n = 0; n < 700; n++) {
    const at = start + n * 2_000;
    const [cpu, memory] = [(n * 37) % 101, (n * 53) % 997];
    history.add(at, new Map([[1, [cpu, memory]]]));
    page.add(at, cpu, memory);
  }
  const [, cpu = [], memory = []] = history.steps().rows[0] ?? [];
  // The first step of the server's history may have lost its first readings.
  assert.deepEqual(page.ordered("milliCores").slice(1).map(Math.round), cpu.slice(1));
  assert.deepEqual(page.ordered("memoryBytes").slice(1), memory.slice(1));
  const filled = new Series(10_000, history.steps().endAt - 1);
  filled.fill([1, cpu, memory]);
  assert.deepEqual(filled.ordered("memoryBytes"), [...memory]);
  filled.advance(history.steps().endAt + 30_000);
  assert.deepEqual(filled.ordered("memoryBytes").slice(-4), Array(4).fill(Number.NaN));
  filled.advance(history.steps().endAt + 3_600_000);
  assert.ok(filled.ordered("memoryBytes").every(Number.isNaN), "after a long pause, nothing is left");
});

const container = (id: string, attempt: number, more: Partial<ContainerRow> = {}): ContainerRow => ({
  ...{ id, key: 1, podId: "p", name: "main", attempt, state: "exited", createdAt: attempt },
  ...{ image: "", labels: {}, memoryLimitBytes: undefined, exit: undefined },
  ...more,
});

const exit = {
  ...{ exitCode: 1, signal: undefined, reason: "Error", text: "", oomKilled: false },
  ...{ startedAt: 1, finishedAt: 2 },
};

test("the attempts of a container are one row, with how the last one that ended did so", () => {
  const state = new NodeState();
  state.apply({
    type: "change",
    containers: [container("1", 3, { exit }), container("2", 4, { state: "running" })],
  });
  const [group] = state.groups.values();
  assert.equal(state.groups.size, 1);
  assert.equal(group?.current.id, "2");
  assert.equal(group?.restarts, 4);
  assert.equal(group?.lastEnded?.id, "1");
  assert.equal(group?.lastExit?.exitCode, 1);
  state.apply({ type: "change", removed: ["2"] });
  assert.equal(state.groups.get("p/main")?.current.id, "1");
  state.apply({ type: "change", removed: ["1"] });
  assert.equal(state.groups.size, 0);
});

test("restarts are counted for clients that do not number attempts, too", () => {
  const state = new NodeState();
  const attempts = [1, 2, 3].map((n) => container(String(n), 0, { createdAt: n, exit }));
  state.apply({ type: "change", containers: attempts });
  const [group] = state.groups.values();
  assert.equal(group?.restarts, 2);
  assert.equal(group?.current.id, "3");
});

test("usage goes on over restarts, and ends with the last attempt", () => {
  const state = new NodeState();
  state.apply({
    type: "change",
    containers: [container("1", 0, { exit }), container("2", 1, { state: "running" })],
  });
  state.apply({ type: "change", usage: { at: start, rows: [[1, 100, 10]] } });
  state.apply({ type: "change", removed: ["1"] });
  const [group] = state.groups.values();
  assert.ok(group);
  assert.equal(state.usageOf(group.current).memoryBytes, 10);
  assert.equal(state.seriesOf(group.current)?.ordered("memoryBytes").at(-1), 10);
  state.apply({ type: "change", removed: ["2"] });
  assert.equal(state.usageOf(group.current).memoryBytes, null);
  assert.equal(state.seriesOf(group.current), undefined);
});

test("usage of ended containers leaves the totals", () => {
  const state = new NodeState();
  state.apply({
    type: "change",
    usage: {
      at: start,
      rows: [
        [1, 100, 10],
        [2, 50, 20],
      ],
    },
  });
  assert.deepEqual(state.total, { milliCores: 150, memoryBytes: 30 });
  state.apply({ type: "change", usage: { at: start + 2_000, rows: [[1, null, null]] } });
  assert.deepEqual(state.total, { milliCores: 50, memoryBytes: 20 });
});

test("numbers as text", () => {
  assert.deepEqual(
    [0, 999, 1_024, 40 * 2 ** 20, 999.4 * 2 ** 20, 1.5 * 2 ** 30, null].map((value) => bytes(value)),
    ["0 B", "999 B", "1.00 KiB", "40.0 MiB", "999 MiB", "1.50 GiB", "–"],
  );
  assert.deepEqual(
    [0, 5, 99, 100, 12_345, undefined].map((value) => cores(value)),
    ["0", "0.005", "0.099", "0.10", "12.35", "–"],
  );
  assert.deepEqual([0, 59_000, 119_000, 120_000, 7_200_000, 172_800_000].map(span), [
    "0 s",
    "59 s",
    "119 s",
    "2 min",
    "2 h",
    "2 d",
  ]);
  assert.equal(exitSummary({ ...exit, exitCode: 0, reason: "Completed" }), "Completed (exit code 0)");
  assert.equal(
    exitSummary({ ...exit, exitCode: 137, signal: "SIGKILL", reason: "OOMKilled", oomKilled: true }),
    "OOMKilled: out of memory (exit code 137, SIGKILL)",
  );
  assert.equal(
    exitSummary({ ...exit, exitCode: 128, reason: "StartError", text: "no such file" }),
    "StartError: no such file (exit code 128)",
  );
});
