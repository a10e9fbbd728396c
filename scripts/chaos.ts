// Serves a proxy that causes faults in front of a runtime: npm run chaos -- --runtime ENDPOINT --socket PATH
import { closeSync, openSync, writeSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import {
  type ChaosPlan,
  type ChaosRecord,
  chaos,
  defaultChaosPlan,
  parseChaosPlan,
} from "../src/testing/chaos/index.js";
import { createTransport, parseEndpoint } from "../src/transport/index.js";
import { FileError, readDataFile } from "./data-file.js";
import { runCommand } from "./run-command.js";
import { stopRequest } from "./stop-request.js";

const usage = `usage: npm run chaos -- --runtime ENDPOINT --socket PATH [OPTION]...

Serves a proxy on a socket that causes faults in front of a container runtime: late and lost responses, errors, streams that break
or stall, lost events, restarts. A kubelet, crictl and any other client of CRI v1 use the socket as if it were the runtime's.

Prints the proxy's endpoint on the first line of stdout when it is ready, then one line of JSON for each fault. The seed, the plan and
everything else go to stderr. SIGTERM or Ctrl-C stops it; the runtime goes on.

  --runtime ENDPOINT   the runtime: a path, or unix:///path, unix-abstract:name, tcp://host:port
  --socket PATH        the endpoint of the proxy, in the same forms
  --plan FILE          the faults, as JSON or YAML: { "rules": [{ "fault": "delay", "ms": 50 }] }; docs/chaos.md has all options
                       (default: a gentle mixture, which is printed at the start)
  --seed TEXT          with the same seed and plan, the same calls have the same faults (default: a new one)
  --log FILE           append the lines of the faults to this file instead of printing them

Exit code: 0 after a signal, 1 if it could not start or was killed by a second signal, 2 for invalid arguments.`;

class UsageError extends Error {}

interface Command {
  readonly runtime: string;
  readonly socket: string;
  readonly plan: string | undefined;
  readonly seed: string | undefined;
  readonly log: string | undefined;
}

function readCommand(args: readonly string[]): Command | "help" {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...{ runtime: text, socket: text, plan: text, seed: text, log: text },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) return "help";
  const { plan, seed, log } = values;
  if (seed === "") throw new UsageError("--seed must not be empty");
  const [runtime, socket] = [endpointOf("runtime", values.runtime), endpointOf("socket", values.socket)];
  if (parseEndpoint(runtime).url === parseEndpoint(socket).url)
    throw new UsageError(`--socket must differ from --runtime, got ${JSON.stringify(socket)} for both`);
  return { runtime, socket, plan, seed, log };
}

function endpointOf(name: string, value: string | undefined): string {
  if (!value) throw new UsageError(`--${name} ${name === "socket" ? "PATH" : "ENDPOINT"} is required`);
  const endpoint = value.includes(":") ? value : resolve(value);
  parseEndpoint(endpoint);
  return endpoint;
}

async function readPlan(path: string | undefined): Promise<ChaosPlan> {
  return path === undefined ? defaultChaosPlan : parseChaosPlan(await readDataFile(path, "chaos plan"), path);
}

/** Returns a function that writes a line: at once, so that a killed proxy has logged every fault that it caused. */
function lineWriter(path: string | undefined): {
  readonly write: (line: string) => void;
  readonly close: () => void;
} {
  if (path === undefined) return { write: (line) => console.log(line), close: () => undefined };
  let file: number;
  try {
    file = openSync(path, "a", 0o600);
  } catch (error) {
    throw new FileError(`cannot write the log ${path}: ${error instanceof Error ? error.message : error}`);
  }
  return { write: (line) => writeSync(file, `${line}\n`), close: () => closeSync(file) };
}

async function run({ runtime, socket, plan: planFile, seed, log }: Command): Promise<void> {
  const stopped = stopRequest();
  const plan = await readPlan(planFile);
  const lines = lineWriter(log);
  try {
    await using upstream = createTransport(runtime);
    const onFault = (record: ChaosRecord) => lines.write(JSON.stringify(record));
    const onError = ({ message }: Error) => console.error(message);
    await using faulty = chaos(upstream, { plan, seed, onFault, onError });
    const { endpoint } = await faulty.serve(socket);
    console.error(`seed: ${faulty.seed}`);
    console.error(`plan: ${planFile ?? `the default one\n${JSON.stringify(plan, undefined, 2)}`}`);
    console.log(endpoint);
    console.error(`${await stopped}: stopping after ${faulty.total} faults`);
    const counts = Object.entries(faulty.counts).filter(([, count]) => count > 0);
    console.error(counts.map(([fault, count]) => `  ${fault} ${count}`).join("\n"));
  } finally {
    lines.close();
  }
}

await runCommand(usage, readCommand, run);
