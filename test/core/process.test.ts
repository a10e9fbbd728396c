import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { onProcessExit, parseProcStat, readProcStat, readProcText } from "../../src/core/index.js";

test("parseProcStat finds the fields behind a program name with spaces and parentheses", () => {
  const text =
    "42 (a) b) S 7 42 40 34816 42 4194560 1 2 3 4 50 60 70 80 20 0 1 0 987654 1000 25 18446744073709551615";
  assert.deepEqual(parseProcStat(text), {
    state: "S",
    parentPid: 7,
    sessionId: 40,
    terminal: 34816,
    userTicks: 50n,
    systemTicks: 60n,
    childrenUserTicks: 70n,
    childrenSystemTicks: 80n,
    startTime: "987654",
    residentPages: 25n,
    isKernelThread: false,
  });
  assert.equal(parseProcStat(text.replace("4194560", "2129984"))?.isKernelThread, true);
  for (const broken of ["", "42 (a) S 7", "no parentheses"]) assert.equal(parseProcStat(broken), undefined);
});

test("readProcStat reads this process, and returns undefined for one that does not exist", (t) => {
  if (process.platform !== "linux") return t.skip("needs /proc");
  const stat = readProcStat(process.pid);
  assert.equal(stat?.parentPid, process.ppid);
  assert.ok((stat?.residentPages ?? 0n) > 0n);
  const { pid } = spawnSync(process.execPath, ["--version"]);
  assert.equal(readProcStat(pid), undefined);
});

test("readProcText reads files of any length whole", async (t) => {
  if (process.platform !== "linux") return t.skip("needs /proc");
  assert.equal(readProcText("/proc/none/stat"), undefined);
  // An environment of more than twice the buffer's first size.
  const variables = Object.fromEntries(Array.from({ length: 4 }, (_, n) => [`V${n}`, `${n}`.repeat(50_000)]));
  const child = spawn("cat", { env: { PATH: process.env.PATH, ...variables } });
  t.after(() => child.kill());
  await once(child, "spawn");
  for (const file of ["stat", "status", "environ"]) {
    const path = `/proc/${child.pid}/${file}`;
    assert.equal(readProcText(path), readFileSync(path, "latin1"), file);
  }
  assert.ok((readProcText(`/proc/${child.pid}/environ`)?.length ?? 0) > 200_000);
});

test("onProcessExit shares one listener, and removes it with the last callback", () => {
  const before = process.listenerCount("exit");
  const removers = Array.from({ length: 20 }, () => onProcessExit(() => undefined));
  assert.equal(process.listenerCount("exit"), before + 1);
  for (const remove of removers) remove();
  assert.equal(process.listenerCount("exit"), before);
});
