import assert from "node:assert/strict";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { test } from "node:test";
import { duplexPair } from "../support/duplex-pair.js";
import { SeededRandom } from "../support/random.js";
import { until, within } from "../support/waiting.js";
import { countingHandlers, runSession } from "./cutoff-sessions.js";
import { serve } from "./support.js";

const sessions = 500;
const together = 10;
const settleMs = 10_000;
const mostBytes = 300_000;

/** Joins two connections until so many bytes have passed in both directions; then it cuts both. */
function cutAfter(left: Duplex, right: Duplex, bytes: number): void {
  let rest = bytes;
  const cut = () => {
    left.destroy();
    right.destroy();
  };
  for (const [from, to] of [
    [left, right],
    [right, left],
  ] as const) {
    from.on("data", (part: Buffer) => {
      const passed = part.subarray(0, rest);
      rest -= passed.byteLength;
      if (!to.write(passed)) {
        from.pause();
        to.once("drain", () => from.resume());
      }
      if (rest === 0) cut();
    });
    from.on("end", () => to.end());
    from.on("error", cut);
    from.on("close", () => setImmediate(cut));
  }
}

test(`${sessions} sessions cut at a random point: everything settles, and nothing is left`, async (t) => {
  const random = new SeededRandom();
  t.diagnostic(`CRI_SDK_TEST_SEED=${random.seed}`);
  const runs: Promise<unknown>[] = [];
  const { server } = await serve(t, countingHandlers(runs), { streamTimeoutMs: 2_000 });
  const port = Number(new URL(server.baseUrl).port);
  const ends = { whole: 0, cut: 0 };

  const one = async (number: number) => {
    const transport = random.of("spdy" as const, "websocket" as const);
    const kind = random.of("exec" as const, "attach" as const, "isolated" as const, "pooled" as const);
    const [outputBytes, inputBytes] = [random.size(mostBytes), random.of(0, random.size(mostBytes))];
    const cutter = random.of("client" as const, "server" as const, "middle" as const);
    // One in five is not cut at all, as far as the bytes go.
    const cutBytes = random.next() < 0.2 ? Number.POSITIVE_INFINITY : random.size(2 * mostBytes);
    const overTcp = random.next() < 0.5;
    const name = `${number}: ${kind} ${transport} ${inputBytes}/${outputBytes} cut by ${cutter} at ${cutBytes} ${overTcp}`;
    const leave = new AbortController();
    const dial = (): Duplex => {
      const [near, middle] = duplexPair();
      const far = overTcp ? connect({ port, host: "127.0.0.1" }) : inMemory();
      if (cutter === "middle") cutAfter(middle, far, cutBytes);
      else {
        cutAfter(middle, far, Number.POSITIVE_INFINITY);
        let passed = 0;
        const count = (part: Buffer) => {
          passed += part.byteLength;
          if (passed < cutBytes) return;
          if (cutter === "client") leave.abort();
          else far.destroy();
        };
        middle.on("data", count);
        far.on("data", count);
      }
      return near;
    };
    const run = runSession(server, { transport, kind, inputBytes, outputBytes, dial, signal: leave.signal });
    ends[await within(settleMs, run, name)]++;
  };
  const inMemory = () => {
    const [ours, theirs] = duplexPair();
    server.handleConnection(theirs);
    return ours;
  };

  for (let first = 0; first < sessions; first += together)
    await Promise.all(Array.from({ length: together }, (_, index) => one(first + index)));
  await within(settleMs, Promise.all(runs), "the handlers");
  await until(() => server.sessions === 0, "no session is left", settleMs);
  t.diagnostic(`${ends.whole} whole, ${ends.cut} cut, ${runs.length} handlers`);
  assert.ok(ends.whole > sessions / 20 && ends.cut > sessions / 5, JSON.stringify(ends));
});
