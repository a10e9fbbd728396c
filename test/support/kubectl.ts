import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { within } from "./waiting.js";

/** How kubectl is run. */
export interface KubectlOptions {
  /** The path of kubectl. */
  readonly kubectl: string;
  /** An empty folder for its files; also its working directory. */
  readonly folder: string;
  readonly kubeconfig: object;
  /** Whether it tries WebSockets first; otherwise it uses SPDY only. */
  readonly webSockets: boolean;
}

/** kubectl, configured for a server. */
export interface Kubectl {
  /** Starts kubectl; with `shell`, runs that command line on a terminal, with kubectl's path in `$KUBECTL`. */
  start(args: readonly string[], shell?: string): Running;
  /** Runs kubectl to its end. */
  run(...args: readonly string[]): Promise<Ended>;
  /** Stops what still runs. */
  stop(): Promise<void>;
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

/** Writes kubectl's configuration. */
export async function openKubectl(options: KubectlOptions): Promise<Kubectl> {
  const { kubectl, folder, kubeconfig, webSockets } = options;
  const config = join(folder, "config");
  await writeFile(config, JSON.stringify(kubeconfig));
  const started: Running[] = [];
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
  const start = (args: readonly string[], shell?: string): Running => {
    // script(1) provides a terminal and returns the exit code of the command.
    const [file, rest] = shell ? ["script", ["-qefc", shell, "/dev/null"]] : [kubectl, args];
    const running = watch(spawn(file, rest, { env, cwd: folder }));
    started.push(running);
    return running;
  };
  return {
    start,
    async run(...args) {
      const running = start(args);
      running.child.stdin.end();
      return running.ended;
    },
    async stop() {
      await Promise.all(started.map(stop));
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

/** Terminates a process and waits for its exit. Does nothing after the exit. */
export async function stop({ child, ended }: Running): Promise<void> {
  // kubectl exits on SIGTERM; script(1) forwards the signal to its child.
  child.kill("SIGTERM");
  await ended.catch(() => undefined);
}
