import { Child } from "../child.js";
import type { GoProgram } from "../go-program.js";
import { type Effort, type Measured, type RoundResult, type Runner, takeTurns } from "../rounds.js";
import type { Workload } from "../workloads.js";

const nodeClients = ["cri-sdk", "grpc-js", "connect-node", "bare http2"];
export const goClient = "Go client";

/** Runs the workloads with all clients of one server. */
export async function measureClients(
  socket: string,
  workloads: readonly Workload[],
  go: GoProgram,
  effort: Effort,
): Promise<Measured[]> {
  const children: Child[] = [];
  try {
    const runners: Runner[] = [];
    for (const name of clientNames(go)) {
      const child = await startClient(name, socket, go);
      children.push(child);
      runners.push([name, (order) => child.ask(order) as Promise<RoundResult>]);
    }
    return await takeTurns(runners, workloads, effort);
  } finally {
    for (const child of children) child.end();
  }
}

/** The names of the clients that can be measured. */
export function clientNames({ path }: GoProgram): string[] {
  const [first = "", ...others] = nodeClients;
  return path === undefined ? nodeClients : [first, goClient, ...others];
}

export function startClient(name: string, socket: string, { path }: GoProgram): Promise<Child> {
  if (name === goClient && path !== undefined) return Child.startProgram(path, ["client", socket]);
  return Child.start("client-process.js", [name, socket]);
}
