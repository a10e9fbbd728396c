import {
  callsTable,
  eventsMethod,
  eventsTable,
  goNote,
  growthMethod,
  inFlightGrowthTable,
  listGrowthTable,
} from "./calls-report.js";
import { goClient } from "./clients/measure.js";
import type { GoProgram } from "./go-program.js";
import { type Goal, goalsOf, isMet } from "./goals.js";
import type { Growth } from "./growth.js";
import type { LoopSpeed } from "./logs/measure.js";
import type { Machine } from "./machine.js";
import { type PackageMeasured, packageGoals } from "./package.js";
import type { Measured } from "./rounds.js";
import type { EventCosts } from "./serving/events.js";
import { goServer } from "./serving/measure.js";
import type { TransferResult } from "./streaming/measure.js";
import { table, times } from "./table.js";
import { inFlightCounts, listSizes, listWorkload, versionWorkload } from "./workloads.js";

/** The results of all clients with one server. */
export interface Section {
  readonly title: string;
  readonly measured: readonly Measured[];
}

/** The results of transfers. */
export interface StreamingSection {
  readonly title: string;
  readonly transfers: readonly TransferResult[];
}

/** All results. */
export interface Report {
  readonly machine: Machine;
  readonly method: string;
  readonly go: GoProgram;
  readonly clients: readonly Measured[];
  readonly memory: Growth | undefined;
  /** The clients of a real runtime. */
  readonly runtimes: readonly Section[];
  readonly servers: readonly Measured[];
  readonly events: readonly EventCosts[];
  readonly logs: readonly LoopSpeed[];
  readonly streaming: readonly StreamingSection[];
  readonly pkg: PackageMeasured | undefined;
}

/** Formats the results as Markdown. Parts that were not measured are left out. */
export function report(all: Report): string {
  const { machine, method, go, clients, memory, runtimes, servers, events, logs, streaming, pkg } = all;
  const title = `Clients of one server ${go.path === undefined ? "of cri-sdk" : "on grpc-go with pre-encoded responses"}`;
  const exec = go.path === undefined ? [] : (streaming[0]?.transfers ?? []);
  return `${[
    "# Benchmark results",
    "Written by `npm run bench`; do not edit.",
    machineLine(machine),
    method,
    goNote(go),
    ...[{ title, measured: clients }, ...runtimes].flatMap(({ title, measured }) =>
      section(title, ...measured.map((one) => callsTable(one, "client", goClient))),
    ),
    ...(memory
      ? section(
          "Cost as the work grows",
          growthMethod,
          listGrowthTable(clients, listSizes.map(listWorkload), memory.lists),
          inFlightGrowthTable(clients, inFlightCounts.map(versionWorkload), memory.inFlight),
        )
      : []),
    ...(servers.length > 0
      ? section("Servers", servingMethod(go), ...servers.map((one) => callsTable(one, "server", goServer)))
      : []),
    ...(events.length > 0 ? section("Event subscribers", eventsMethod, eventsTable(events)) : []),
    ...(logs.length > 0 ? section("Reading a log", logsMethod, logsTable(logs)) : []),
    ...streaming.flatMap(({ title, transfers }) =>
      section(title, streamingMethod, ...transfers.map(transferTable)),
    ),
    ...(pkg ? section("The package", packageMethod, importsTable(pkg)) : []),
    ...section(
      "Goals",
      goalsTable(goalsOf({ clients, servers, events, transfers: exec })),
      ...(pkg ? [packageGoalsTable(pkg)] : []),
    ),
  ].join("\n\n")}\n`;
}

function section(title: string, ...content: string[]): string[] {
  return content.length === 0 ? [] : [`## ${title}`, ...content];
}

function machineLine({ cpu, cpus, system, node, packages, date }: Machine): string {
  const versions = Object.entries(packages).map(([name, version]) => `${name} ${version}`);
  return `${date} · ${cpus} × ${cpu} · ${system} · Node ${node} · ${versions.join(" · ")}`;
}

function servingMethod({ path }: GoProgram): string {
  const load =
    path === undefined
      ? "The load is cri-sdk's client, which may be the limit."
      : "The load is a program in Go that sends grpc-go's headers and counts the bytes of the responses, at a fraction of a client's cost.";
  return `Each server runs the same handlers in its own process, and encodes every response. CPU is that of the server's process.\n${load}`;
}

const logsMethod = `Each loop reads a CRI log from the page cache as a whole, in a process of its own, alternating with the others. The ratios are
relative to a loop over \`node:readline\`, which returns lines without parsing them. Loops over entries get the text of each, except where noted.
Go's loops use bufio; its entries have a parsed time as well.`;

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
  "MB/s are 10^6 bytes per second, as medians. The ratios are relative to a bare socket that transfers the same bytes through the same server.";

function transferTable({ title, throughputs }: TransferResult): string {
  const rows = throughputs.map(
    ({ mover, megabytesPerSecond, ratio, cpuSecondsPerGigabyte: cpu, cpuOfGo }) => [
      mover,
      megabytesPerSecond.toFixed(0),
      times(ratio),
      cpu.toFixed(2),
      times(cpuOfGo),
    ],
  );
  return `### ${title}\n\n${table(["", "MB/s", "× bare socket", "CPU s/GB", "CPU × Go"], rows)}`;
}

function goalsTable(goals: readonly Goal[]): string {
  const rows = goals.map((goal) => {
    const { what, measured, limit, atMost, unit = "×" } = goal;
    const verdict = { true: "met", false: "missed", undefined: "not measured" }[String(isMet(goal))] ?? "";
    const shown = measured === undefined ? "" : `${measured.toFixed(2)} ${unit}`;
    return [what, shown, `${atMost ? "≤" : "≥"} ${limit.toFixed(2)} ${unit}`, verdict];
  });
  return table(["cri-sdk", "measured", "goal", ""], rows);
}

const packageMethod = `CPU time of a new process that imports one module, beyond that of a process that imports nothing. The modules
are imported in turns; numbers are medians, ratios are medians within the rounds. Everything runs from the page cache.`;

function importsTable({ imports }: PackageMeasured): string {
  const rows = imports.map(({ name, cpuMs, ratio }) => [name, cpuMs.toFixed(0), times(ratio)]);
  return table(["import", "CPU ms", "× grpc-js"], rows);
}

function packageGoalsTable({ files, packedBytes, unpackedBytes, imports }: PackageMeasured): string {
  const verdict = (isMet: boolean) => (isMet ? "met" : "missed");
  const kilobytes = (bytes: number) => `${(bytes / 1_000).toFixed(0)} kB`;
  const sizes = [
    [`files: ≤ ${packageGoals.files}`, String(files), verdict(files <= packageGoals.files)],
    [
      `packed: ≤ ${kilobytes(packageGoals.packedBytes)} (unpacked: ${kilobytes(unpackedBytes)})`,
      kilobytes(packedBytes),
      verdict(packedBytes <= packageGoals.packedBytes),
    ],
  ];
  const costs = imports.flatMap(({ name, ratio }) => {
    const goal = packageGoals.ratios[name];
    return goal === undefined
      ? []
      : [[`CPU to import ${name}: ≤ ${times(goal)} grpc-js`, times(ratio), verdict(ratio <= goal)]];
  });
  return table(["the package", "measured", "goal"], [...sizes, ...costs]);
}
