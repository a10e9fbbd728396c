import { goals, speedRatio } from "./goals.js";
import type { LoopSpeed } from "./logs/measure.js";
import type { Machine } from "./machine.js";
import { clientNames, type Measured } from "./rounds.js";
import type { Served } from "./serving/measure.js";
import { serverNames } from "./serving/names.js";
import { median, medianRatio } from "./statistics.js";
import type { TransferResult } from "./streaming/measure.js";

/** A server that was measured against. */
export interface Section {
  readonly title: string;
  readonly measured: readonly Measured[];
}

/** Bytes that were moved. */
export interface StreamingSection {
  readonly title: string;
  readonly transfers: readonly TransferResult[];
}

/** The results as Markdown. */
export function report(
  machine: Machine,
  method: string,
  sections: readonly [Section, ...Section[]],
  serving: readonly Served[],
  logs: readonly LoopSpeed[],
  streaming: readonly StreamingSection[],
): string {
  const [main] = sections;
  return `${[
    "# Benchmark results",
    "Written by `npm run bench`; do not edit.",
    machineLine(machine),
    method,
    ...sections.flatMap(({ title, measured }) => [`## ${title}`, ...measured.map(tableOf)]),
    "## Servers",
    servingMethod,
    ...serving.map(servedTable),
    "## Reading a log",
    logsMethod,
    logsTable(logs),
    ...streaming.flatMap(({ title, transfers }) => [
      `## ${title}`,
      streamingMethod,
      ...transfers.map(transferTable),
    ]),
    "## Goals",
    goalsTable(main.measured),
  ].join("\n\n")}\n`;
}

function machineLine({ cpu, cpus, system, node, packages, date }: Machine): string {
  const versions = Object.entries(packages).map(([name, version]) => `${name} ${version}`);
  return `${date} · ${cpus} × ${cpu} · ${system} · Node ${node} · ${versions.join(" · ")}`;
}

function tableOf(measured: Measured): string {
  const rows = clientNames.map((client) => {
    const samples = measured.samples[client];
    return [
      client,
      median(samples.map(({ callsPerSecond }) => callsPerSecond)).toFixed(0),
      median(samples.map(({ cpuUsPerCall }) => cpuUsPerCall)).toFixed(1),
      times(speedRatio(measured, client, "grpc-js")),
      times(speedRatio(measured, client, "bare http2")),
    ];
  });
  const head = ["client", "calls/s", "client CPU µs/call", "× grpc-js", "× bare http2"];
  return `### ${measured.workload.title}\n\n${table(head, rows)}`;
}

const servingMethod =
  "The same handlers behind each server, and the same client, this package's, in a process for each. Every answer is encoded anew.";

function servedTable({ workload, speeds }: Served): string {
  const rows = serverNames.map((server) => [
    server,
    median(speeds[server]).toFixed(0),
    times(medianRatio(speeds[server], speeds["connect-node"])),
    times(medianRatio(speeds[server], speeds["grpc-js"])),
  ]);
  return `### ${workload.title}\n\n${table(["server", "calls/s", "× connect-node", "× grpc-js"], rows)}`;
}

const logsMethod = `A CRI log, warm in the page cache, read whole by each loop in a process of its own, in turns. The ratios are to a loop over
\`node:readline\`, which gives lines and takes nothing apart. Text is asked for of every entry, where it does not say otherwise.`;

function logsTable(speeds: readonly LoopSpeed[]): string {
  const rows = speeds.map(({ loop, megabytesPerSecond, ratio, goal, cpuSecondsPerGigabyte: cpu }) => [
    loop,
    megabytesPerSecond.toFixed(0),
    times(ratio),
    goal === undefined ? "" : `≥ ${times(goal)} ${ratio >= goal ? "met" : "missed"}`,
    cpu.toFixed(2),
  ]);
  return table(["loop", "MB/s", "× readline", "goal", "CPU s/GB"], rows);
}

const streamingMethod =
  "MB/s are 10^6 bytes a second, medians of turns; the ratios are to a bare socket that moves the same bytes through the same server.";

function transferTable({ title, throughputs }: TransferResult): string {
  const rows = throughputs.map(({ mover, megabytesPerSecond, ratio, cpuSecondsPerGigabyte: cpu }) => [
    mover,
    megabytesPerSecond.toFixed(0),
    times(ratio),
    Number.isNaN(cpu) ? "" : cpu.toFixed(2),
  ]);
  return `### ${title}\n\n${table(["", "MB/s", "× bare socket", "our CPU s/GB"], rows)}`;
}

function goalsTable(all: readonly Measured[]): string {
  const rows = all.flatMap((measured) =>
    goals
      .filter(({ workload }) => workload === measured.workload.name)
      .map(({ base, ratio }) => {
        const reached = speedRatio(measured, "cri-sdk", base);
        const what = `${measured.workload.title}: ≥ ${times(ratio)} ${base}`;
        return [what, times(reached), reached >= ratio ? "met" : "missed"];
      }),
  );
  return table(["calls/s of cri-sdk", "measured", "goal"], rows);
}

function times(ratio: number): string {
  return `${ratio.toFixed(2)} ×`;
}

/** The first column to the left, the numbers to the right. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) =>
    Math.max(3, ...[head, ...rows].map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join(" | ")} |`;
  const rule = `|${widths.map((width, i) => (i === 0 ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`)).join("|")}|`;
  return [line(head), rule, ...rows.map(line)].join("\n");
}
