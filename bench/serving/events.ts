import { statSync } from "node:fs";
import { join } from "node:path";
import type { GoProgram } from "../go-program.js";
import { median } from "../statistics.js";
import { cpuUs, type Pair, withServers } from "./measure.js";
import type { LoadOrder, ServerOrder } from "./orders.js";

export const subscriberCounts = [1, 100, 1_000];

/** What one connection with many subscriptions to events costs a server. */
export interface EventCosts {
  readonly server: string;
  /** The memory of the idle subscriptions beyond that of one, in bytes; by number of subscribers. */
  readonly idleBytes: readonly number[];
  /** The CPU time per event and subscriber, in microseconds; by number of subscribers. */
  readonly cpuUsPerEvent: readonly number[];
}

/** Subscribes to the events of each server and has it send `eventsPerRound` messages in each round. Requires Go's load. */
export function measureEvents(
  folder: string,
  go: GoProgram,
  rounds: number,
  eventsPerRound: number,
): Promise<EventCosts[]> {
  const prefixBytes = 5;
  const eventBytes = statSync(join(folder, "event.bin")).size + prefixBytes;
  return withServers(folder, go, async (pairs) => {
    const all: EventCosts[] = [];
    for (const pair of pairs) {
      const resting: number[] = [];
      for (const count of subscriberCounts) resting.push(await restingBytes(pair, count));
      const cpuUsPerEvent: number[] = [];
      for (const count of subscriberCounts)
        cpuUsPerEvent.push(await costOfEvent(pair, count, rounds, eventsPerRound, eventBytes));
      await pair.load.ask({} satisfies LoadOrder);
      const [one = 0] = resting;
      all.push({ server: pair.name, idleBytes: resting.map((bytes) => bytes - one), cpuUsPerEvent });
    }
    return all;
  });
}

async function subscribe({ server, load }: Pair, count: number): Promise<void> {
  await load.ask({ subscribe: count } satisfies LoadOrder);
  await server.ask({ do: "subscribed", count } satisfies ServerOrder);
}

async function restingBytes(pair: Pair, count: number): Promise<number> {
  await subscribe(pair, count);
  await pair.server.ask({ do: "rest" } satisfies ServerOrder);
  return pair.server.residentBytes();
}

async function costOfEvent(
  pair: Pair,
  subscribers: number,
  rounds: number,
  eventsPerRound: number,
  eventBytes: number,
): Promise<number> {
  await subscribe(pair, subscribers);
  const count = Math.ceil(eventsPerRound / subscribers);
  const costs: number[] = [];
  // The first round warms up.
  for (let round = -1; round < rounds; round++) {
    const before = await cpuUs(pair.server);
    const received = pair.load.ask({ receive: count * subscribers * eventBytes } satisfies LoadOrder);
    await pair.server.ask({ do: "broadcast", count } satisfies ServerOrder);
    await received;
    if (round >= 0) costs.push(((await cpuUs(pair.server)) - before) / (count * subscribers));
  }
  return median(costs);
}
