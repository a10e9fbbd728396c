import { goClient } from "./clients/measure.js";
import type { GoProgram } from "./go-program.js";
import type { MemoryGrowth } from "./growth.js";
import { type Measured, ratioOf } from "./rounds.js";
import { type EventCosts, subscriberCounts } from "./serving/events.js";
import { median } from "./statistics.js";
import { megabytes, table, times } from "./table.js";
import type { Workload } from "./workloads.js";

/** Formats the results of one workload; `peer` is Go's name in them. */
export function callsTable(measured: Measured, what: "client" | "server", peer: string): string {
  const rows = [...measured.samples].map(([name, samples]) => [
    name,
    median(samples.map(({ callsPerSecond }) => callsPerSecond)).toFixed(0),
    median(samples.map(({ cpuUsPerCall }) => cpuUsPerCall)).toFixed(1),
    times(ratioOf(measured, "callsPerSecond", name, "grpc-js")),
    times(ratioOf(measured, "callsPerSecond", name, peer)),
    times(ratioOf(measured, "cpuUsPerCall", name, "grpc-js")),
    times(ratioOf(measured, "cpuUsPerCall", name, peer)),
  ]);
  const head = [
    what,
    "calls/s",
    "CPU µs/call",
    "calls/s × grpc-js",
    `× ${peer}`,
    "CPU × grpc-js",
    `× ${peer}`,
  ];
  return `### ${measured.workload.title}\n\n${table(head, rows)}`;
}

export const growthMethod = `CPU is that of the tables above. Memory is the most resident memory during a round beyond that of the idle process, in a new
process for each client.`;

/** Formats how the cost of listed containers grows. */
export function listGrowthTable(
  clients: readonly Measured[],
  lists: readonly Workload[],
  memory: readonly MemoryGrowth[],
): string {
  const head = (unit: string) => lists.map(({ containers }) => `${containers.toLocaleString("en")}: ${unit}`);
  const cpu = (client: string) => lists.map((list) => cpuOf(clients, list, client, list.containers));
  const rows = memory.map(({ client, peakBytes }) => [client, ...cpu(client), ...peakBytes.map(megabytes)]);
  return `### Containers listed: CPU µs per container, and memory\n\n${table(["client", ...head("µs"), ...head("MB")], rows)}`;
}

/** Formats how the cost of calls in flight grows. */
export function inFlightGrowthTable(
  clients: readonly Measured[],
  counts: readonly Workload[],
  memory: readonly MemoryGrowth[],
): string {
  const head = (unit: string) => counts.map(({ inFlight }) => `${inFlight.toLocaleString("en")}: ${unit}`);
  const cpu = (client: string) => counts.map((count) => cpuOf(clients, count, client, 1));
  const rows = memory.map(({ client, peakBytes }) => [client, ...cpu(client), ...peakBytes.map(megabytes)]);
  return `### Calls in flight: CPU µs per call, and memory\n\n${table(["client", ...head("µs"), ...head("MB")], rows)}`;
}

function cpuOf(all: readonly Measured[], { name }: Workload, client: string, parts: number): string {
  const samples = all.find(({ workload }) => workload.name === name)?.samples.get(client) ?? [];
  return (median(samples.map(({ cpuUsPerCall }) => cpuUsPerCall)) / parts).toFixed(1);
}

export const eventsMethod =
  "Subscriptions to GetContainerEvents on one connection. CPU is the server's per message sent; memory is that of idle subscriptions, beyond one.";

/** Formats the costs of subscribers. */
export function eventsTable(costs: readonly EventCosts[]): string {
  const head = (unit: string, from: number) =>
    subscriberCounts.slice(from).map((count) => `${count.toLocaleString("en")}: ${unit}`);
  const rows = costs.map(({ server, cpuUsPerEvent, idleBytes }) => [
    server,
    ...cpuUsPerEvent.map((us) => us.toFixed(1)),
    ...idleBytes.slice(1).map(megabytes),
  ]);
  return table(["server", ...head("µs", 0), ...head("MB", 1)], rows);
}

/** What Go's rows are, or why they are missing. */
export function goNote(go: GoProgram): string {
  return go.path === undefined
    ? `Go's rows are missing: ${go.missing}`
    : `“${goClient}” is a client on grpc-go with the types of k8s.io/cri-api, which current kubelets and crictl contain.`;
}
