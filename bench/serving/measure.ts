import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Child } from "../child.js";
import type { ClientStart, RoundOrder, RoundResult } from "../client-process.js";
import type { BenchOptions } from "../options.js";
import type { Workload } from "../workloads.js";
import { type ServerName, serverNames } from "./names.js";

/** Calls per second that each server answered, round by round. */
export interface Served {
  readonly workload: Workload;
  readonly speeds: Readonly<Record<ServerName, readonly number[]>>;
}

interface Pair {
  readonly name: ServerName;
  readonly client: Child;
}

/** The same client, ours, in a process for each server; the servers take turns. */
export async function measureServing(
  workloads: readonly Workload[],
  { rounds, durationMs }: Pick<BenchOptions, "rounds" | "durationMs">,
): Promise<Served[]> {
  const folder = mkdtempSync(join(tmpdir(), "cri-bench-"));
  const children: Child[] = [];
  const start = async (file: string, args: readonly string[]) => {
    const child = await Child.start(file, args);
    children.push(child);
    return child;
  };
  try {
    const pairs: Pair[] = [];
    for (const name of serverNames) {
      const path = join(folder, `${name}.sock`);
      await start("serving/server-process.js", [name, path]);
      const order: ClientStart = { client: "cri-sdk", sockets: { version: path, list: path } };
      pairs.push({ name, client: await start("client-process.js", [JSON.stringify(order)]) });
    }
    return await takeTurns(pairs, workloads, rounds, durationMs);
  } finally {
    for (const child of children) child.end();
    rmSync(folder, { recursive: true });
  }
}

async function takeTurns(
  pairs: readonly Pair[],
  workloads: readonly Workload[],
  rounds: number,
  durationMs: number,
): Promise<Served[]> {
  const served = workloads.map((workload) => ({
    workload,
    speeds: { "cri-sdk": [], "connect-node": [], "grpc-js": [] } as Record<ServerName, number[]>,
  }));
  // The first round warms up.
  for (let round = -1; round < rounds; round++)
    for (const { workload, speeds } of served)
      for (let turn = 0; turn < pairs.length; turn++) {
        const pair = pairs[(turn + round + 1) % pairs.length];
        if (!pair) continue;
        const order: RoundOrder = { workload, durationMs };
        const { calls, wallMs } = (await pair.client.ask(order)) as RoundResult;
        if (round >= 0) speeds[pair.name].push((calls / wallMs) * 1_000);
      }
  return served;
}
