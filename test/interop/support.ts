import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type FakeApiServer, startApiServer } from "../../scripts/interop/api-server.js";
import { hostHandlers } from "../../scripts/interop/host-handlers.js";
import { createStreamingServer, type StreamingServer } from "../../src/server/index.js";
import { within } from "../support/waiting.js";

/** A fake cluster of one pod, and kubectl configured for it. */
export interface Cluster extends AsyncDisposable {
  readonly streaming: StreamingServer;
  readonly api: FakeApiServer;
  /** Starts kubectl; with `shell`, runs that command line on a terminal, with kubectl's path in `$KUBECTL`. */
  start(args: readonly string[], shell?: string): Running;
}

/** A running kubectl process. */
export interface Running {
  readonly child: ChildProcessWithoutNullStreams;
  /** Returns the output so far: stdout, then stderr. */
  output(): string;
  /** The exit code and outputs; rejects after a minute, and the process is killed. */
  readonly ended: Promise<Ended>;
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const runMs = 60_000;

/** Starts the servers; kubectl's files are all in `folder`. */
export async function startCluster(
  kubectl: string,
  folder: string,
  webSockets: boolean,
  attachTo: readonly string[],
): Promise<Cluster> {
  const streaming = await createStreamingServer(hostHandlers(attachTo));
  const started: Running[] = [];
  const api = await startApiServer(streaming);
  const config = join(folder, "config");
  await writeFile(config, JSON.stringify(kubeconfig(api.url)));
  const env = {
    PATH: process.env.PATH ?? "/usr/bin:/bin",
    HOME: folder,
    TERM: "xterm",
    KUBECTL: kubectl,
    KUBECONFIG: config,
    KUBECACHEDIR: join(folder, "cache"),
    KUBECTL_REMOTE_COMMAND_WEBSOCKETS: String(webSockets),
    KUBECTL_PORT_FORWARD_WEBSOCKETS: String(webSockets),
  };
  return {
    streaming,
    api,
    start(args, shell) {
      // script(1) provides a terminal and returns the exit code of the command.
      const [file, rest] = shell ? ["script", ["-qefc", shell, "/dev/null"]] : [kubectl, args];
      const running = watch(spawn(file, rest, { env, cwd: folder }));
      started.push(running);
      return running;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(started.map(stop));
      await api.close();
      await streaming.close();
    },
  };
}

function watch(child: ChildProcessWithoutNullStreams): Running {
  const outputs = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    child[name].on("data", (part: Buffer) => {
      // Large outputs are hashed by their tests; only the beginning is kept here.
      if (outputs[name].length < 65_536) outputs[name] += part.toString("utf8");
    });
  child.stdin.on("error", () => undefined);
  const ended = within(runMs, once(child, "close"), child.spawnargs.join(" ")).then(
    ([code]) => ({ code: code as number | null, ...outputs }),
    (error: Error) => {
      child.kill("SIGKILL");
      throw new Error(`${error.message}; output: ${outputs.stdout} ${outputs.stderr}`);
    },
  );
  ended.catch(() => undefined);
  return { child, output: () => outputs.stdout + outputs.stderr, ended };
}

function kubeconfig(server: string): object {
  return {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "test", cluster: { server } }],
    users: [{ name: "test", user: {} }],
    contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
    "current-context": "test",
  };
}

/** Terminates a process and waits for its exit. Does nothing after the exit. */
export async function stop({ child, ended }: Running): Promise<void> {
  // kubectl exits on SIGTERM; script(1) forwards the signal to its child.
  child.kill("SIGTERM");
  await ended.catch(() => undefined);
}
