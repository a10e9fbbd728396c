import { goClient } from "./clients/measure.js";
import { type Measured, ratioOf, type Sample } from "./rounds.js";
import type { EventCosts } from "./serving/events.js";
import type { TransferResult } from "./streaming/measure.js";
import { listWorkload, versionWorkload, type Workload } from "./workloads.js";

/** One goal and what was measured; undefined where a peer is missing. */
export interface Goal {
  readonly what: string;
  readonly measured: number | undefined;
  readonly limit: number;
  readonly atMost?: boolean;
  /** Default: a ratio. */
  readonly unit?: string;
}

/** The results that the goals are about. */
export interface Results {
  readonly clients: readonly Measured[];
  readonly servers: readonly Measured[];
  readonly events: readonly EventCosts[];
  /** Of commands on a server in Go: output, and input. */
  readonly transfers: readonly TransferResult[];
}

const one = versionWorkload(1);
const many = versionWorkload(64);
const lists = listWorkload(1_000);

/** Returns the goals with their results. */
export function goalsOf({ clients, servers, events, transfers }: Results): Goal[] {
  const goal =
    (all: readonly Measured[], what: string) =>
    (workload: Workload, figure: keyof Sample, base: string, limit: number): Goal => {
      const measured = all.find(({ workload: { name } }) => name === workload.name);
      const isCpu = figure === "cpuUsPerCall";
      return {
        what: `${what}, ${workload.title}: ${isCpu ? "CPU per call" : "calls/s"}, × ${base}`,
        measured: measured && ratioOf(measured, figure, "cri-sdk", base),
        limit,
        atMost: isCpu,
      };
    };
  const client = goal(clients, "client");
  const server = goal(servers, "server");
  const idle = events.find(({ server }) => server === "cri-sdk")?.idleBytes.at(-1);
  return [
    client(one, "callsPerSecond", "grpc-js", 2.4),
    client(one, "callsPerSecond", goClient, 1.15),
    client(many, "callsPerSecond", "grpc-js", 8),
    client(many, "callsPerSecond", goClient, 1.7),
    client(many, "cpuUsPerCall", goClient, 0.5),
    client(lists, "callsPerSecond", "grpc-js", 2.5),
    client(lists, "callsPerSecond", goClient, 1.8),
    server(one, "callsPerSecond", "grpc-js", 1.5),
    server(many, "callsPerSecond", "grpc-js", 4),
    server(lists, "callsPerSecond", "grpc-js", 2),
    {
      what: "server, 1,000 idle event subscribers: memory beyond one",
      measured: idle === undefined ? undefined : idle / 1e6,
      limit: 20,
      atMost: true,
      unit: "MB",
    },
    ...["stdout", "stdin"].map((stream, index) => exec(transfers[index], stream)),
  ];
}

/** The goal of the first way to use a stream, which is the usual one. */
function exec(transfer: TransferResult | undefined, stream: string): Goal {
  const usual = transfer?.throughputs.find(({ mover }) => mover.startsWith("cri-sdk"));
  return { what: `exec, ${stream}: CPU × ${goClient}`, measured: usual?.cpuOfGo, limit: 1.1, atMost: true };
}

/** Whether a goal was met; undefined if it was not measured. */
export function isMet({ measured, limit, atMost }: Goal): boolean | undefined {
  if (measured === undefined) return undefined;
  return atMost ? measured <= limit : measured >= limit;
}
