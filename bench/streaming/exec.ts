import type { Cost } from "../answer-orders.js";
import { Child } from "../child.js";
import { goClient } from "../clients/measure.js";
import { inTurn } from "../rounds.js";
import { median, medianRatio } from "../statistics.js";
import type { TransferResult } from "./measure.js";
import { execClients, type TransferOrder, type Way } from "./orders.js";

const MiB = 2 ** 20;

/** Runs commands on a streaming server in Go, the kind that runtimes contain, with each client alternately. */
export async function measureExec(go: string, rounds: number, share: number): Promise<TransferResult[]> {
  const server = await Child.startProgram(go, ["stream"]);
  try {
    const { address } = (await server.ask({})) as { readonly address: string };
    return [
      await measure(go, address, "down", 1_024 * MiB * share, rounds),
      await measure(go, address, "up", 256 * MiB * share, rounds),
    ];
  } finally {
    server.end();
  }
}

async function measure(
  go: string,
  address: string,
  way: Way,
  bytes: number,
  rounds: number,
): Promise<TransferResult> {
  const order: TransferOrder = { url: `${address}/${way}/${bytes}`, way, bytes };
  const movers: [string, Child][] = [];
  try {
    for (const name of execClients[way])
      movers.push([name, await Child.start("streaming/exec-process.js", [name])]);
    movers.push([goClient, await Child.startProgram(go, ["exec"])]);
    const costs = new Map<string, Cost[]>(movers.map(([name]) => [name, []]));
    // The first round warms up.
    for (let round = -1; round < rounds; round++)
      for (const [name, child] of inTurn(movers, round + 1)) {
        const cost = (await child.ask(order)) as Cost;
        if (round >= 0) costs.get(name)?.push(cost);
      }
    const speeds = (name: string) => (costs.get(name) ?? []).map(({ wallMs }) => bytes / 1e3 / wallMs);
    const cpu = (name: string) => (costs.get(name) ?? []).map(({ cpuUs }) => cpuUs / (bytes / 1e3));
    return {
      title: `exec, ${bytes / MiB} MiB of ${way === "down" ? "output" : "input"}`,
      throughputs: movers.map(([mover]) => ({
        mover,
        megabytesPerSecond: median(speeds(mover)),
        ratio: medianRatio(speeds(mover), speeds("bare socket")),
        cpuSecondsPerGigabyte: median(cpu(mover)),
        cpuOfGo: medianRatio(cpu(mover), cpu(goClient)),
      })),
    };
  } finally {
    for (const [, child] of movers) child.end();
  }
}
