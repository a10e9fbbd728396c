import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { Child } from "../child.js";
import type { GoProgram } from "../go-program.js";
import {
  type Effort,
  type Measured,
  type RoundOrder,
  type RoundResult,
  type Runner,
  takeTurns,
} from "../rounds.js";
import type { Workload } from "../workloads.js";
import { nodeServers } from "./names.js";
import type { ServerOrder } from "./orders.js";

export const goServer = "Go server";

/** A server in a process of its own, and the process that calls it. */
export interface Pair {
  readonly name: string;
  readonly server: Child;
  readonly load: Child;
}

/** Calls each server alternately with the same load. The CPU time is that of the server's process. */
export function measureServers(
  folder: string,
  workloads: readonly Workload[],
  go: GoProgram,
  effort: Effort,
): Promise<Measured[]> {
  return withServers(folder, go, (pairs) =>
    takeTurns(
      pairs.map(
        (pair): Runner => [
          pair.name,
          async (order: RoundOrder) => {
            const before = await cpuUs(pair.server);
            const { calls, wallMs } = (await pair.load.ask(order)) as RoundResult;
            return { calls, wallMs, cpuUs: (await cpuUs(pair.server)) - before };
          },
        ],
      ),
      workloads,
      effort,
    ),
  );
}

/** Starts all servers and their loads, and ends them after `use`. */
export async function withServers<T>(
  folder: string,
  go: GoProgram,
  use: (pairs: readonly Pair[]) => Promise<T>,
): Promise<T> {
  const children: Child[] = [];
  const started = async (starting: Promise<Child>): Promise<Child> => {
    const child = await starting;
    children.push(child);
    return child;
  };
  try {
    const pairs: Pair[] = [];
    const sockets = mkdtempSync(join(folder, "sockets-"));
    for (const name of serverNames(go)) {
      const socket = join(sockets, `${name}.sock`);
      const server = await started(startServer(name, socket, folder, go, "messages"));
      pairs.push({ name, server, load: await started(startLoad(socket, go)) });
    }
    return await use(pairs);
  } finally {
    for (const child of children) child.end();
  }
}

function serverNames({ path }: GoProgram): string[] {
  return path === undefined ? [...nodeServers] : [...nodeServers, goServer];
}

/** Starts a server; `kind` says whether Go's encodes every response, or sends the bytes that it has read. */
export function startServer(
  name: string,
  socket: string,
  folder: string,
  { path }: GoProgram,
  kind: "messages" | "encoded",
): Promise<Child> {
  if (name === goServer && path !== undefined)
    return Child.startProgram(path, ["server", socket, folder, kind]);
  return Child.start("serving/server-process.js", [name, socket, folder]);
}

/** Without Go, cri-sdk's client is the load, and may be the limit. */
function startLoad(socket: string, { path }: GoProgram): Promise<Child> {
  if (path !== undefined) return Child.startProgram(path, ["load", socket]);
  return Child.start("client-process.js", ["cri-sdk", socket]);
}

/** Returns the CPU time of a server's process; `/proc/PID/stat` counts only in ticks of 10 ms. */
export async function cpuUs(server: Child): Promise<number> {
  const order: ServerOrder = { do: "cpu" };
  return (await server.ask(order)) as number;
}
