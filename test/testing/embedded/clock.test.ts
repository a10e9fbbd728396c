import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../../src/testing/index.js";
import { scripted, start } from "../../support/embedded.js";
import { failure } from "../../support/failure.js";
import { within } from "../../support/waiting.js";

test("a virtual clock wakes sleepers in order when the test advances it", async () => {
  const clock = new VirtualClock(new Date("2030-01-01T00:00:00Z"));
  const woke: string[] = [];
  const sleeper = async (name: string, ...times: number[]) => {
    for (const ms of times) {
      await clock.sleep(ms);
      woke.push(`${name}${ms}`);
    }
  };
  void sleeper("a", 10, 30);
  void sleeper("b", 20);
  const stop = new AbortController();
  const stopped = clock.sleep(1, stop.signal).catch((error) => error.code);
  stop.abort();
  assert.equal(await stopped, "canceled");
  await clock.advance(15);
  assert.deepEqual(woke, ["a10"]);
  await clock.advance(100);
  assert.deepEqual(woke, ["a10", "b20", "a30"]);
  assert.equal(clock.sleepers, 0);
  assert.equal(clock.now() / 1_000_000n, BigInt(Date.parse("2030-01-01T00:00:00.115Z")));
  await assert.rejects(clock.advance(-1), { reason: "invalid_option" });
});

test("grace periods and timeouts use the virtual clock", async (t) => {
  const clock = new VirtualClock();
  const { cri } = await scripted(t, { clock });
  const { containerId } = await start(cri, ["ignore-term"]);
  const stopping = cri.runtime.stopContainer({ containerId, timeout: 1_800n });
  while (clock.sleepers < 2) await new Promise(setImmediate);
  await clock.advance(1_799_000);
  const running = await cri.runtime.containerStatus({ containerId });
  await clock.advance(1_001);
  await within(5_000, stopping);
  const { status } = await cri.runtime.containerStatus({ containerId });
  assert.deepEqual([running.status?.state, status?.state, status?.exitCode], [1, 2, 137]);
  assert.ok((status?.finishedAt ?? 0n) - (status?.startedAt ?? 0n) >= 1_800_000_000_000n);

  const other = await start(cri, ["run"], "b");
  const exec = failure(
    cri.runtime.execSync({ containerId: other.containerId, cmd: ["sleep", "100"], timeout: 5n }),
  );
  while (clock.sleepers < 3) await new Promise(setImmediate);
  await clock.advance(5_001);
  assert.equal((await exec).reason, "exec_timeout");
});

test("whenSleeping resolves with the last expected sleeper, and rejects when its signal fires", async () => {
  const clock = new VirtualClock();
  await clock.whenSleeping(0);
  void clock.sleep(10);
  await clock.whenSleeping(1);
  let isResolved = false;
  const both = clock.whenSleeping(2).then(() => {
    isResolved = true;
  });
  await new Promise(setImmediate);
  assert.equal(isResolved, false);
  void clock.sleep(10);
  await within(5_000, both, "whenSleeping(2)");

  const stop = new AbortController();
  const stopped = clock.whenSleeping(3, stop.signal);
  stop.abort();
  await assert.rejects(stopped, { code: "canceled" });
  await assert.rejects(clock.whenSleeping(3, stop.signal), { code: "canceled" });
  await clock.advance(10);
  assert.equal(clock.sleepers, 0);
});
