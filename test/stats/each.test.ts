import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { type CallOptions, CriError } from "../../src/index.js";
import { listOrEach } from "../../src/stats/each.js";
import { within } from "../support/waiting.js";

const late = () => new CriError({ code: "deadline_exceeded", reason: "deadline", text: "no answer" });

/** Asks for so many things, of which the list fails. */
const ask = (many: number, one: (n: number, call: CallOptions) => Promise<number>, timeoutMs: number) =>
  within(
    20_000,
    listOrEach<number, number>(
      {
        list: async () => {
          throw new CriError({ code: "unknown", reason: "runtime_error", text: "one is broken" });
        },
        running: async () => Array.from({ length: many }, (_, n) => n + 1),
        one,
      },
      { timeoutMs },
    ),
  );

test("those that do not answer leave time for all that are asked after them", async () => {
  const hang = async ({ timeoutMs = 0 }: CallOptions): Promise<never> => {
    await pause(timeoutMs);
    throw late();
  };
  const { items, failed } = await ask(
    100,
    // Who is asked when the time is up has a millisecond, and cannot answer in that.
    async (n, call) => (n <= 64 || (call.timeoutMs ?? 0) <= 5 ? hang(call) : n),
    1_500,
  );
  assert.deepEqual(
    items.sort((a, b) => a - b),
    Array.from({ length: 36 }, (_, n) => n + 65),
  );
  assert.equal(failed.length, 64);
  assert.ok(failed.every(({ what, error }) => what <= 64 && error.reason === "deadline"));
});

test("the time is shared by rounds, and what quick answers leave goes to the others", async () => {
  const shares: number[] = [];
  const timeoutMs = 60_000;
  const { items } = await ask(
    70,
    async (n, call) => {
      shares.push(call.timeoutMs ?? 0);
      return n;
    },
    timeoutMs,
  );
  assert.equal(items.length, 70);
  // Three rounds are to come, then two, then one. What is left shrinks meanwhile, by far less than a round.
  for (const [n, share] of shares.entries()) {
    const rounds = Math.ceil((70 - n) / 32);
    assert.ok(share <= timeoutMs / rounds && share > timeoutMs / (rounds + 1), `${share} for number ${n}`);
  }
});

test("without a deadline there is none for each", async () => {
  const timeouts = new Set<number | undefined>();
  await ask(
    40,
    async (n, call) => {
      timeouts.add(call.timeoutMs);
      return n;
    },
    0,
  );
  assert.deepEqual([...timeouts], [0]);
});
