// npm run bench: compares cri-sdk with other clients and servers, for Node and in Go. See the usage in options.ts.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { measureClients } from "./clients/measure.js";
import { buildGoProgram } from "./go-program.js";
import { type Growth, measureMemory } from "./growth.js";
import { measureLogs } from "./logs/measure.js";
import { thisMachine } from "./machine.js";
import { writeMessages } from "./messages.js";
import { type BenchOptions, type Part, parseOptions, parts } from "./options.js";
import { measurePackage } from "./package.js";
import { type Report, report, type Section, type StreamingSection } from "./report.js";
import type { Effort, Measured } from "./rounds.js";
import { findRuntime, type RealRuntime } from "./runtime.js";
import { measureEvents } from "./serving/events.js";
import { goServer, measureServers, startServer } from "./serving/measure.js";
import { measureExec } from "./streaming/exec.js";
import { measureTransfers } from "./streaming/measure.js";
import { measureServer } from "./streaming/serve.js";
import { inFlightCounts, listSizes, listWorkload, versionWorkload, workloads } from "./workloads.js";

const here = fileURLToPath(new URL(".", import.meta.url));
const options = parseOptions(process.argv.slice(2));
compile();
const go = await buildGoProgram();
const folder = mkdtempSync(join(tmpdir(), "cri-bench-"));
try {
  const text = report(await measureAll());
  console.log(text);
  if (!options.quick && options.only === parts) writeFileSync(join(here, "RESULTS.md"), text);
} finally {
  rmSync(folder, { recursive: true });
}

async function measureAll(): Promise<Report> {
  const { quick, rounds, durationMs, only } = options;
  writeMessages(folder, listSizes);
  const wants = (part: Part) => only.includes(part);
  const half = { rounds: Math.ceil(rounds / 2), durationMs };
  const runtime = wants("clients") || wants("streaming") ? await findRuntime(options) : undefined;
  try {
    return {
      machine: thisMachine(),
      method: howMeasured(options),
      go,
      clients: wants("clients") ? await measureCalls() : [],
      memory: wants("clients") ? await measureGrowth() : undefined,
      runtimes: runtime && wants("clients") ? [await againstRuntime(half, runtime)] : [],
      servers: wants("servers") ? await measureServers(folder, workloads, go, half) : [],
      events: go.path && wants("events") ? await measureEvents(folder, go, quick ? 3 : 11, 2_000) : [],
      logs: wants("logs") ? await measureLogs(quick ? 20e6 : 200e6, quick ? 3 : 11, go) : [],
      streaming: wants("streaming") ? await measureStreaming(runtime) : [],
      pkg: wants("package") ? measurePackage(quick ? 3 : 15) : undefined,
    };
  } finally {
    await runtime?.stop();
  }
}

function measureCalls(): Promise<Measured[]> {
  return withCallServer((socket) => measureClients(socket, workloads, go, options));
}

function measureGrowth(): Promise<Growth> {
  return withCallServer(async (socket) => ({
    lists: await measureMemory(socket, listSizes.map(listWorkload), go, options.durationMs),
    inFlight: await measureMemory(socket, inFlightCounts.map(versionWorkload), go, options.durationMs),
  }));
}

async function measureStreaming(runtime: RealRuntime | undefined): Promise<StreamingSection[]> {
  const { quick } = options;
  const sections: StreamingSection[] = [];
  if (go.path) {
    const transfers = await measureExec(go.path, quick ? 2 : 7, quick ? 1 / 4 : 1);
    sections.push({ title: "Commands on a streaming server in Go", transfers });
  }
  sections.push({ title: "Streaming servers", transfers: await measureServer(quick ? 2 : 7, go) });
  if (runtime?.image !== undefined)
    sections.push(await throughRuntime(options, runtime.title, runtime.path, runtime.image));
  return sections;
}

/** Starts the server that all clients call. It is Go's, which answers more calls than any client makes. */
async function withCallServer<T>(use: (socket: string) => Promise<T>): Promise<T> {
  const socket = join(mkdtempSync(join(folder, "sockets-")), "calls.sock");
  const server = await startServer(
    go.path === undefined ? "cri-sdk" : goServer,
    socket,
    folder,
    go,
    "encoded",
  );
  try {
    return await use(socket);
  } finally {
    server.end();
  }
}

/** Compiles the measured programs, so that they run as users run them: without a TypeScript loader. */
function compile(): void {
  const tsc = fileURLToPath(new URL("../node_modules/.bin/tsc", import.meta.url));
  execFileSync(tsc, ["-p", here], { stdio: "inherit" });
}

async function againstRuntime(effort: Effort, { title, path }: RealRuntime): Promise<Section> {
  return { title, measured: await measureClients(path, [1, 64].map(versionWorkload), go, effort) };
}

async function throughRuntime(
  { quick }: BenchOptions,
  title: string,
  path: string,
  image: string,
): Promise<StreamingSection> {
  const effort = quick ? { rounds: 1, share: 1 / 16 } : { rounds: 5, share: 1 };
  return {
    title: `Bytes through ${title}`,
    transfers: await measureTransfers(`unix://${path}`, image, effort, go),
  };
}

function howMeasured({ rounds, durationMs }: BenchOptions): string {
  return `Each client runs compiled code in its own process, and calls a server in another process over a unix socket. The
clients run each workload for ${durationMs} ms, one after the other, in another order each round. Numbers are medians of ${rounds} rounds after
one warm-up round; ratios are medians of the ratios within each round, and depend much less on the machine. CPU is that of the
measured process, and holds on a busy machine, where calls/s do not. All clients set a deadline and decode the response, except
for bare http2: it is the upper limit of \`node:http2\`, its requests and the bytes of the responses.`;
}
