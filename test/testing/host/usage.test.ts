import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { CpuAccount } from "../../../src/testing/embedded/host/cpu-account.js";
import { ownedProcesses } from "../../../src/testing/embedded/host/owned-processes.js";
import {
  type HostProcessEntry,
  KnownProcesses,
  parsePs,
  readProcesses,
  readPs,
  readUnknownProcesses,
} from "../../../src/testing/embedded/host/process-table.js";
import {
  containerConfig,
  createContainer,
  createIdleContainer,
  markedProcesses,
  openDriver,
  outcomeOf,
  sh,
} from "../../support/host-driver.js";
import { until } from "../../support/waiting.js";

function entry(more: Partial<HostProcessEntry>): HostProcessEntry {
  return {
    pid: 100_000,
    parentPid: 1,
    sessionId: 100_000,
    startTime: "a",
    terminal: undefined,
    cpuNanos: 0n,
    endedChildrenNanos: 0n,
    memoryBytes: 0n,
    marker: undefined,
    ...more,
  };
}

test("the CPU time of a container increases while it works, and never decreases", async (t) => {
  const { driver } = await openDriver(t);
  const { container, main } = await createIdleContainer(driver);
  // During its exec, a process has almost no memory.
  const settled = async () => ((await driver.usage(container))?.memoryBytes ?? 0n) > 100_000n;
  await until(settled, "the process has its memory", 10_000);
  const first = await driver.usage(container);
  assert.equal(first?.processes, 1);
  const busy = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done";
  const works = [1, 2].map(async () =>
    outcomeOf(await driver.start(container, sh(`sh -c '${busy}'; ${busy}`))),
  );
  let [last, done] = [first.cpuNanos, false];
  const all = Promise.all(works).then(() => {
    done = true;
  });
  while (!done) {
    const now = await driver.usage(container);
    assert.ok(now && now.cpuNanos >= last, `from ${last} to ${now?.cpuNanos}`);
    last = now.cpuNanos;
    await pause(10);
  }
  await all;
  assert.ok(last > first.cpuNanos, "the CPU time did not increase");
  main.kill("SIGTERM");
  await main.exit;
  assert.equal(await driver.usage(container), undefined);
  assert.equal(await driver.usage(containerConfig()), undefined);
});

test("CPU time of ended children is counted once", () => {
  const account = new CpuAccount();
  const main = { pid: 1, startTime: "a" };
  const child = { pid: 2, startTime: "b", parentPid: 1 };
  assert.equal(account.add([entry({ ...main, cpuNanos: 5n })]), 5n);
  assert.equal(account.add([entry({ ...main, cpuNanos: 6n }), entry({ ...child, cpuNanos: 10n })]), 16n);
  // The child ended after 12 ns, and its parent waited for it.
  assert.equal(account.add([entry({ ...main, cpuNanos: 6n, endedChildrenNanos: 12n })]), 18n);
  assert.equal(account.add([entry({ ...main, cpuNanos: 7n, endedChildrenNanos: 12n })]), 19n);
  // Another process with the same pid, whose parent never waits for it.
  assert.equal(
    account.add([
      entry({ ...main, cpuNanos: 7n, endedChildrenNanos: 12n }),
      entry({ ...child, startTime: "c", cpuNanos: 4n }),
    ]),
    23n,
  );
  assert.equal(account.add([entry({ ...main, cpuNanos: 8n, endedChildrenNanos: 12n })]), 24n);
  assert.equal(account.add([]), 24n);
});

test("processes are owned by their marker, their session and their ancestors", () => {
  const table = [
    entry({ pid: 10, sessionId: 10, startTime: "s10", marker: "s/c/1/" }),
    entry({ pid: 11, sessionId: 10, parentPid: 10 }),
    entry({ pid: 12, sessionId: 12, parentPid: 11 }),
    entry({ pid: 20, sessionId: 20, startTime: "s20" }),
    entry({ pid: 21, sessionId: 20 }),
    entry({ pid: 30, sessionId: 30, startTime: "another" }),
    entry({ pid: 40, sessionId: 40, marker: "s/cc/1/" }),
    entry({ pid: 51, sessionId: 50 }),
    entry({ pid: 1, sessionId: 20, parentPid: 0 }),
  ];
  const started = (pid: number, marker = "s/c/2/") => ({ pid, startTime: `s${pid}`, marker });
  const sessions = [started(20), started(30), started(50), started(40, "s/cc/1/")];
  const found = ownedProcesses(table, { marker: "s/c/", sessions }).map(({ pid }) => pid);
  assert.deepEqual(found.sort(), [10, 11, 12, 20, 21, 51]);
});

test("a process in the middle of its exec is not measured without memory", async (t) => {
  const { driver } = await openDriver(t);
  const script = `exec ${"env ".repeat(60)}sleep 600`;
  for (let round = 0; round < 20; round++) {
    const container = await createContainer(driver);
    await driver.start(container, sh(script));
    for (let sample = 0; sample < 20; sample++) {
      const usage = await driver.usage(container);
      assert.ok(usage === undefined || usage.memoryBytes > 0n, `round ${round}, sample ${sample}`);
    }
  }
});

test("a scan that knows the processes of earlier ones finds the same containers", {
  skip: process.platform !== "linux" && "reads /proc",
}, async (t) => {
  const { driver } = await openDriver(t);
  const { container } = await createIdleContainer(driver);
  await until(async () => (await driver.usage(container))?.processes === 1, "the process runs");
  const known = new KnownProcesses();
  const isOwned = ({ marker }: HostProcessEntry) => marker?.includes(`/${container.id}/`) === true;
  const scan = async () => {
    const table = await readUnknownProcesses(known);
    known.endScan(table.filter(isOwned));
    return table;
  };
  const [owned] = (await scan()).filter(isOwned);
  const others = (await scan()).length;
  t.mock.method(performance, "now", () => Number.MAX_SAFE_INTEGER);
  await scan();
  const last = await scan();
  assert.deepEqual(
    last.filter(isOwned).map(({ pid }) => pid),
    [owned?.pid],
  );
  // This process and the container's: others are not read again. A process may have started meanwhile.
  assert.ok(
    last.length < others && last.some(({ pid }) => pid === process.pid),
    `${last.length} of ${others}`,
  );
});

test("ps reports the same processes as /proc", {
  skip: process.platform !== "linux" && "compares with /proc",
}, async (t) => {
  const { driver } = await openDriver(t);
  const { container } = await createIdleContainer(driver);
  await until(async () => (await driver.usage(container))?.processes === 1, "the process runs");
  const marker =
    (await readProcesses()).find((entry) => entry.marker?.includes(`/${container.id}/`))?.marker ?? "none";
  const [byProc, byPs] = [
    await markedProcesses(marker),
    (await readPs()).filter((entry) => entry.marker === marker),
  ];
  const essence = ({ pid, parentPid, sessionId }: HostProcessEntry) => ({ pid, parentPid, sessionId });
  assert.deepEqual(byPs.map(essence), byProc.map(essence));
  assert.match(byPs[0]?.startTime ?? "", /^\d+$/);
  assert.ok((byPs[0]?.memoryBytes ?? 0n) > 0n);
});

test("parses the output of ps on Linux and macOS", () => {
  const text = `
    7     1     7 Ss     1234   0:01.50 Tue Nov  4 12:30:42 2025     sh -c x A=b CRI_SDK_EMBEDDED=s/c/1/ C=d
  123     7     7 Z         0  00:00:00 Tue Nov 24 12:30:42 2026 [sh] <defunct>
  124     7   124 R+      100 1-02:03:04 Tue Nov 24 12:30:42 2026 sleep XCRI_SDK_EMBEDDED=s/c/1/`;
  const [first, second, ...others] = parsePs(text);
  assert.deepEqual(others, []);
  assert.deepEqual([first?.pid, first?.marker, first?.cpuNanos], [7, "s/c/1/", 1_500_000_000n]);
  assert.deepEqual([first?.sessionId, first?.memoryBytes], [7, 1234n * 1024n]);
  assert.deepEqual(
    [second?.parentPid, second?.marker, second?.cpuNanos],
    [7, undefined, 93_784_000_000_000n],
  );
});
