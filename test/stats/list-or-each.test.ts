import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { type CallOptions, CriError } from "../../src/index.js";
import { listOrEach } from "../../src/stats/list-or-each.js";
import { within } from "../support/waiting.js";

const deadlinePassed = () =>
  new CriError({ code: "deadline_exceeded", reason: "deadline", rawMessage: "no response" });

/** Reads this many objects one by one, since their list fails. */
const readEach = (count: number, one: (n: number, call: CallOptions) => Promise<number>, timeoutMs: number) =>
  within(
    20_000,
    listOrEach<number, number>(
      {
        list: async () => {
          throw new CriError({ code: "unknown", reason: "runtime_error", rawMessage: "an object is broken" });
        },
        running: async () => Array.from({ length: count }, (_, n) => n + 1),
        one,
      },
      { timeoutMs },
    ),
  );

test("calls that hang leave enough time for all later objects", async () => {
  const hang = async ({ timeoutMs = 0 }: CallOptions): Promise<never> => {
    await pause(timeoutMs);
    throw deadlinePassed();
  };
  const { items, failed } = await readEach(
    100,
    // A call at the end of the deadline has 1 ms left, which is too short for a response.
    async (n, call) => (n <= 64 || (call.timeoutMs ?? 0) <= 5 ? hang(call) : n),
    1_500,
  );
  assert.deepEqual(
    items.sort((a, b) => a - b),
    Array.from({ length: 36 }, (_, n) => n + 65),
  );
  assert.equal(failed.length, 64);
  assert.ok(failed.every(({ object, error }) => object <= 64 && error.reason === "deadline"));
});

test("the deadline is divided by the remaining rounds", async () => {
  const shares: number[] = [];
  const timeoutMs = 60_000;
  const { items } = await readEach(
    70,
    async (n, call) => {
      shares.push(call.timeoutMs ?? 0);
      return n;
    },
    timeoutMs,
  );
  assert.equal(items.length, 70);
  // Three rounds remain, then two, then one. The remaining time shrinks in between, but by far less than a round.
  for (const [n, share] of shares.entries()) {
    const rounds = Math.ceil((70 - n) / 32);
    assert.ok(share <= timeoutMs / rounds && share > timeoutMs / (rounds + 1), `${share} ms for object ${n}`);
  }
});

test("without a deadline, single calls have none either", async () => {
  const timeouts = new Set<number | undefined>();
  await readEach(
    40,
    async (n, call) => {
      timeouts.add(call.timeoutMs);
      return n;
    },
    0,
  );
  assert.deepEqual([...timeouts], [0]);
});
