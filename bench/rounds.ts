import { Child } from "./child.js";
import type { ClientStart, RoundOrder, RoundResult } from "./client-process.js";
import type { ClientName, Sockets } from "./clients/index.js";
import type { BenchOptions } from "./options.js";
import type { Workload } from "./workloads.js";

/** What one client did in one round. */
export interface Sample {
  readonly callsPerSecond: number;
  readonly cpuUsPerCall: number;
}

/** The samples of one workload: those with the same index are of the same round. */
export interface Measured {
  readonly workload: Workload;
  readonly samples: Readonly<Record<ClientName, readonly Sample[]>>;
}

export const clientNames: readonly ClientName[] = ["cri-sdk", "grpc-js", "connect-node", "bare http2"];

/** Runs all workloads through all clients in turns, so that what else the machine does falls on everybody alike. */
export async function measure(
  sockets: Sockets,
  workloads: readonly Workload[],
  { rounds, durationMs }: Pick<BenchOptions, "rounds" | "durationMs">,
): Promise<Measured[]> {
  const children: [ClientName, Child][] = [];
  try {
    for (const client of clientNames) children.push([client, await startClient({ client, sockets })]);
    return await takeTurns(children, workloads, rounds, durationMs);
  } finally {
    for (const [, child] of children) child.end();
  }
}

function startClient(start: ClientStart): Promise<Child> {
  return Child.start("client-process.js", [JSON.stringify(start)]);
}

async function takeTurns(
  children: readonly [ClientName, Child][],
  workloads: readonly Workload[],
  rounds: number,
  durationMs: number,
): Promise<Measured[]> {
  const measured = workloads.map((workload) => ({ workload, samples: noSamples() }));
  // The first round is for the compilers of the processes, and does not count.
  for (let round = -1; round < rounds; round++)
    for (const { workload, samples } of measured)
      for (const [client, child] of inTurn(children, round + 1)) {
        const order: RoundOrder = { workload, durationMs };
        const sample = toSample((await child.ask(order)) as RoundResult);
        if (round >= 0) samples[client].push(sample);
      }
  return measured;
}

function noSamples(): Record<ClientName, Sample[]> {
  return { "cri-sdk": [], "grpc-js": [], "connect-node": [], "bare http2": [] };
}

/** The same list, begun elsewhere each time. */
function inTurn<T>(list: readonly T[], turn: number): T[] {
  const first = turn % list.length;
  return [...list.slice(first), ...list.slice(0, first)];
}

function toSample({ calls, wallMs, cpuUs }: RoundResult): Sample {
  return { callsPerSecond: (calls / wallMs) * 1_000, cpuUsPerCall: cpuUs / calls };
}
