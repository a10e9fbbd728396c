import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { belonging } from "../../../src/testing/embedded/host/belonging.js";
import { CpuAccount } from "../../../src/testing/embedded/host/cpu-account.js";
import {
  type HostProcessEntry,
  markerName,
  readProcesses,
} from "../../../src/testing/embedded/host/process-table.js";
import { parsePs, readPs } from "../../../src/testing/embedded/host/ps-table.js";
import { until } from "../../support/waiting.js";
import { container, driverOf, idle, marked, outcomeOf, sh } from "./support.js";

function entry(more: Partial<HostProcessEntry>): HostProcessEntry {
  return {
    pid: 100_000,
    parent: 1,
    session: 100_000,
    start: "a",
    terminal: undefined,
    cpuNanos: 0n,
    endedChildrenNanos: 0n,
    memoryBytes: 0n,
    marker: undefined,
    ...more,
  };
}

test("a container's usage grows while it works, and never shrinks", async (t) => {
  const { driver } = await driverOf(t);
  const { one, main } = await idle(driver);
  // In the middle of its exec a process has next to no memory yet.
  const settled = async () => ((await driver.usage(one))?.memoryBytes ?? 0n) > 100_000n;
  await until(settled, "the memory of one process", 10_000);
  const first = await driver.usage(one);
  assert.equal(first?.processes, 1);
  const busy = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done";
  const works = [1, 2].map(async () => outcomeOf(await driver.start(one, sh(`sh -c '${busy}'; ${busy}`))));
  let [last, done] = [first.cpuNanos, false];
  const all = Promise.all(works).then(() => {
    done = true;
  });
  while (!done) {
    const now = await driver.usage(one);
    assert.ok(now && now.cpuNanos >= last, `from ${last} to ${now?.cpuNanos}`);
    last = now.cpuNanos;
    await pause(10);
  }
  await all;
  assert.ok(last > first.cpuNanos, "no work was seen");
  main.kill("SIGTERM");
  await main.exit;
  assert.equal(await driver.usage(one), undefined);
  assert.equal(await driver.usage(container()), undefined);
});

test("CPU time is counted once, whoever tells of it", () => {
  const account = new CpuAccount();
  const main = { pid: 1, start: "a" };
  const child = { pid: 2, start: "b", parent: 1 };
  assert.equal(account.add([entry({ ...main, cpuNanos: 5n })]), 5n);
  assert.equal(account.add([entry({ ...main, cpuNanos: 6n }), entry({ ...child, cpuNanos: 10n })]), 16n);
  // The child ended at 12, and its parent waited for it.
  assert.equal(account.add([entry({ ...main, cpuNanos: 6n, endedChildrenNanos: 12n })]), 18n);
  assert.equal(account.add([entry({ ...main, cpuNanos: 7n, endedChildrenNanos: 12n })]), 19n);
  // Another process with the same pid, and one whose parent never waits.
  assert.equal(
    account.add([
      entry({ ...main, cpuNanos: 7n, endedChildrenNanos: 12n }),
      entry({ ...child, start: "c", cpuNanos: 4n }),
    ]),
    23n,
  );
  assert.equal(account.add([entry({ ...main, cpuNanos: 8n, endedChildrenNanos: 12n })]), 24n);
  assert.equal(account.add([]), 24n);
});

test("processes belong by their marker, their session and their descent", () => {
  const table = [
    entry({ pid: 10, session: 10, start: "s10", marker: "s/c/1/" }),
    entry({ pid: 11, session: 10, parent: 10 }),
    entry({ pid: 12, session: 12, parent: 11 }),
    entry({ pid: 20, session: 20, start: "s20" }),
    entry({ pid: 21, session: 20 }),
    entry({ pid: 30, session: 30, start: "another" }),
    entry({ pid: 40, session: 40, marker: "s/cc/1/" }),
    entry({ pid: 51, session: 50 }),
    entry({ pid: 1, session: 20, parent: 0 }),
  ];
  const started = (pid: number, marker = "s/c/2/") => ({ pid, start: `s${pid}`, marker });
  const sessions = [started(20), started(30), started(50), started(40, "s/cc/1/")];
  const found = belonging(table, { marker: "s/c/", sessions }).map(({ pid }) => pid);
  assert.deepEqual(found.sort(), [10, 11, 12, 20, 21, 51]);
});

test("ps tells of the same processes", {
  skip: process.platform !== "linux" && "compares with /proc",
}, async (t) => {
  const { driver } = await driverOf(t);
  const { one } = await idle(driver);
  await until(async () => (await driver.usage(one))?.processes === 1, "a process");
  const marker =
    (await readProcesses()).find((entry) => entry.marker?.includes(`/${one.id}/`))?.marker ?? "none";
  const [byProc, byPs] = [
    await marked(marker),
    (await readPs(markerName)).filter((entry) => entry.marker === marker),
  ];
  const essence = ({ pid, parent, session }: HostProcessEntry) => ({ pid, parent, session });
  assert.deepEqual(byPs.map(essence), byProc.map(essence));
  assert.match(byPs[0]?.start ?? "", /^\d+$/);
  assert.ok((byPs[0]?.memoryBytes ?? 0n) > 0n);
});

test("lines of ps are read, of Linux and of macOS", () => {
  const text = `
    7     1     7 Ss     1234   0:01.50 Tue Nov  4 12:30:42 2025     sh -c x A=b CRI_SDK_EMBEDDED=s/c/1/ C=d
  123     7     7 Z         0  00:00:00 Tue Nov 24 12:30:42 2026 [sh] <defunct>
  124     7   124 R+      100 1-02:03:04 Tue Nov 24 12:30:42 2026 sleep XCRI_SDK_EMBEDDED=s/c/1/`;
  const [first, second, ...others] = parsePs(text, markerName);
  assert.deepEqual(others, []);
  assert.deepEqual([first?.pid, first?.marker, first?.cpuNanos], [7, "s/c/1/", 1_500_000_000n]);
  assert.deepEqual([first?.session, first?.memoryBytes], [7, 1234n * 1024n]);
  assert.deepEqual([second?.parent, second?.marker, second?.cpuNanos], [7, undefined, 93_784_000_000_000n]);
});
