// npm run bench: cri-sdk beside the other ways to call a runtime from Node. See usage in options.ts.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Child } from "./child.js";
import { measureLogs } from "./logs/measure.js";
import { thisMachine } from "./machine.js";
import { type BenchOptions, parseOptions } from "./options.js";
import { report, type Section, type StreamingSection } from "./report.js";
import { measure } from "./rounds.js";
import { findRuntime, type RealRuntime } from "./runtime.js";
import { measureServing } from "./serving/measure.js";
import { measureTransfers } from "./streaming/measure.js";
import { measureServer } from "./streaming/serve.js";
import { workloads } from "./workloads.js";

const here = fileURLToPath(new URL(".", import.meta.url));
const options = parseOptions(process.argv.slice(2));
compile();
const synthetic = await againstOwnServer(options);
const serving = await measureServing(workloads, { ...options, rounds: Math.ceil(options.rounds / 2) });
const logs = await measureLogs(options.quick ? 20e6 : 200e6, options.quick ? 3 : 11);
const runtime = await findRuntime(options);
const real: Section[] = [];
const streaming: StreamingSection[] = [
  { title: "Our streaming server", transfers: await measureServer(options.quick ? 2 : 7) },
];
if (runtime)
  try {
    real.push(await againstRuntime(options, runtime));
    if (runtime.image !== undefined)
      streaming.push(await throughRuntime(options, runtime.title, runtime.path, runtime.image));
  } finally {
    await runtime.stop();
  }
const text = report(thisMachine(), howMeasured(options), [synthetic, ...real], serving, logs, streaming);
console.log(text);
if (!options.quick) writeFileSync(join(here, "RESULTS.md"), text);

/** What is measured runs as users run it: compiled, in plain node. */
function compile(): void {
  const tsc = fileURLToPath(new URL("../node_modules/.bin/tsc", import.meta.url));
  execFileSync(tsc, ["-p", here], { stdio: "inherit" });
}

async function againstOwnServer(options: BenchOptions): Promise<Section> {
  const dir = mkdtempSync(join(tmpdir(), "cri-bench-"));
  const sockets = { version: join(dir, "version.sock"), list: join(dir, "list.sock") };
  const server = await Child.start("server/process.js", [sockets.version, sockets.list]);
  try {
    return {
      title: "The same pre-encoded answers for everybody",
      measured: await measure(sockets, workloads, options),
    };
  } finally {
    server.end();
    rmSync(dir, { recursive: true });
  }
}

async function againstRuntime(options: BenchOptions, { title, path }: RealRuntime): Promise<Section> {
  const calls = workloads.filter(({ call }) => call === "version");
  const rounds = Math.ceil(options.rounds / 2);
  const sockets = { version: path, list: path };
  return { title, measured: await measure(sockets, calls, { ...options, rounds }) };
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
    transfers: await measureTransfers(`unix://${path}`, image, effort),
  };
}

function howMeasured({ rounds, durationMs }: BenchOptions): string {
  return `Each client has a process of its own, running compiled code, and calls over a unix socket a server that is a
process, too, and sends pre-encoded answers. The clients take turns: one after the other runs a workload for
${durationMs} ms, in another order each round. Numbers are medians of ${rounds} such rounds after one to warm up, and ratios
are medians of the ratios within each round; calls per second depend on the machine, ratios much less so. All but
bare http2, which is the limit (a request of \`node:http2\`, and the answer's bytes), set a deadline and decode.`;
}
