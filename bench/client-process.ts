// One client in a process of its own, so that nobody pays for another's garbage or compiled code.
// Argument: JSON of a ClientStart. Each message is a workload to run for a while; the answer is what it took.
import { type ClientName, clients, type Sockets } from "./clients/index.js";
import type { Workload } from "./workloads.js";

export interface ClientStart {
  readonly client: ClientName;
  readonly sockets: Sockets;
}

export interface RoundOrder {
  readonly workload: Workload;
  readonly durationMs: number;
}

export interface RoundResult {
  readonly calls: number;
  readonly wallMs: number;
  readonly cpuUs: number;
}

const start = JSON.parse(process.argv[2] ?? "") as ClientStart;
const client = await clients[start.client](start.sockets);
await client.version();

process.on("message", (order: RoundOrder) => {
  run(order).then(
    (result) => process.send?.(result),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on("disconnect", () => process.exit());
process.send?.("ready");

async function run({ workload, durationMs }: RoundOrder): Promise<RoundResult> {
  const call = workload.call === "version" ? () => client.version() : () => client.list();
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  const endsAt = startedAt + durationMs;
  let calls = 0;
  const repeat = async (): Promise<void> => {
    do {
      await call();
      calls++;
    } while (performance.now() < endsAt);
  };
  await Promise.all(Array.from({ length: workload.inFlight }, repeat));
  const wallMs = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { calls, wallMs, cpuUs: user + system };
}
