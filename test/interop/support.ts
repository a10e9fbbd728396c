import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type FakeApiServer, startApiServer } from "../../scripts/interop/api-server.js";
import { hostHandlers } from "../../scripts/interop/host-handlers.js";
import { createStreamingServer, type StreamingServer } from "../../src/server/index.js";
import { within } from "../support/waiting.js";

/** A kubectl, and a cluster of one pod that it believes in. */
export interface Cluster extends AsyncDisposable {
  readonly streaming: StreamingServer;
  readonly api: FakeApiServer;
  /** Starts kubectl; with `shell`, below a terminal, by a command line in which `$KUBECTL` stands for it. */
  start(args: readonly string[], shell?: string): Running;
}

/** A kubectl that runs. */
export interface Running {
  readonly child: ChildProcessWithoutNullStreams;
  /** All that it said so far, on both outputs. */
  said(): string;
  /** How it ended; it is killed when that takes too long. */
  readonly ended: Promise<Ended>;
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const runMs = 60_000;

/** Starts everything; kubectl's files are all in `folder`. */
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
      // script(1) gives a terminal, and passes the exit code on.
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
      // What is hashed elsewhere is not held here.
      if (outputs[name].length < 65_536) outputs[name] += part.toString("utf8");
    });
  child.stdin.on("error", () => undefined);
  const ended = within(runMs, once(child, "close"), child.spawnargs.join(" ")).then(
    ([code]) => ({ code: code as number | null, ...outputs }),
    (error: Error) => {
      child.kill("SIGKILL");
      throw new Error(`${error.message}; it said: ${outputs.stdout} ${outputs.stderr}`);
    },
  );
  ended.catch(() => undefined);
  return { child, said: () => outputs.stdout + outputs.stderr, ended };
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

/** Ends a program by its pid, and waits for it. Does nothing after its end. */
export async function stop({ child, ended }: Running): Promise<void> {
  // kubectl ends by SIGTERM; script(1) passes it on to what runs below it.
  child.kill("SIGTERM");
  await ended.catch(() => undefined);
}
