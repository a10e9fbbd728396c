import { openCriClient } from "./cri-client.js";
import { type Daemon, lastLines } from "./daemon.js";
import { drainPods } from "./drain.js";
import { type RuntimeRelease, releaseTitle } from "./releases.js";
import { waitFor } from "./wait.js";

/** A container runtime started by this process; its daemon can be stopped, killed and started again on the same socket. */
export interface Runtime {
  /** Derived from the name and the version that the daemon reports, such as `containerd-1.6`. */
  readonly name: string;
  readonly release: RuntimeRelease;
  /** The version that the daemon reports, such as `1.6.20~ds1`. */
  readonly version: string;
  /** The endpoint: `unix:///…/containerd.sock`. */
  readonly endpoint: string;
  readonly socketPath: string;
  readonly logPath: string;
  /** The pid of the running daemon, or of the last one. */
  readonly pid: number;
  isAlive(): boolean;
  /** Starts the daemon again after {@link stop} or {@link kill} and waits until it is ready. */
  start(): Promise<void>;
  /** Sends SIGTERM and waits for the exit. Pods keep running: see {@link drain}. */
  stop(): Promise<void>;
  /** Sends SIGKILL and waits for the exit. Pods keep running, and the socket file remains. */
  kill(): Promise<void>;
  /** Calls {@link stop}, then {@link start}. */
  restart(): Promise<void>;
  /** Stops and removes all pods; returns their number. */
  drain(): Promise<number>;
}

/** Options of {@link startRuntime}. */
export interface RuntimeOptions<Release extends RuntimeRelease> {
  readonly release: Release;
  readonly socketPath: string;
  /** The log that an error quotes, also the one of `launch`. */
  readonly logPath: string;
  /** Starts the daemon; called again for each further start. */
  readonly launch: () => Promise<Daemon>;
  /** The timeout until the daemon and the pod network are ready, in milliseconds; default 30 000. */
  readonly readyTimeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Starts the daemon of a runtime and waits until runtime and network are ready. */
export async function startRuntime<Release extends RuntimeRelease>(
  options: RuntimeOptions<Release>,
): Promise<Runtime & { readonly release: Release }> {
  const { release, socketPath, logPath } = options;
  let { daemon, version } = await launchUntilReady(options);
  const runtime = {
    name: `${version.runtimeName}-${/^\d+\.\d+/.exec(version.runtimeVersion)?.[0] ?? release}`,
    release,
    version: version.runtimeVersion,
    endpoint: `unix://${socketPath}`,
    socketPath,
    logPath,
    get pid() {
      return daemon.pid;
    },
    isAlive: () => daemon.isAlive(),
    async start() {
      if (!daemon.isAlive()) ({ daemon, version } = await launchUntilReady(options));
    },
    stop: () => daemon.end(),
    kill: () => daemon.kill(),
    async restart() {
      await runtime.stop();
      await runtime.start();
    },
    drain: () => drainPods(socketPath),
  };
  return runtime;
}

/** The name and the version of a runtime, from its Version RPC. */
interface ReportedVersion {
  readonly runtimeName: string;
  readonly runtimeVersion: string;
}

async function launchUntilReady({
  release,
  launch,
  socketPath,
  logPath,
  readyTimeoutMs = 30_000,
  signal,
}: RuntimeOptions<RuntimeRelease>): Promise<{ daemon: Daemon; version: ReportedVersion }> {
  const daemon = await launch();
  try {
    return { daemon, version: await readVersion(daemon, socketPath, readyTimeoutMs, signal) };
  } catch (error) {
    await daemon.kill();
    const what = `${releaseTitle(release)} did not become ready`;
    throw new Error(`${what}. Last lines of its log:\n${lastLines(logPath)}`, { cause: error });
  }
}

async function readVersion(
  daemon: Daemon,
  socketPath: string,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<ReportedVersion> {
  const client = openCriClient(socketPath);
  let lastError: unknown;
  try {
    return await waitFor(
      "readiness of runtime and network",
      timeoutMs,
      async () => {
        if (!daemon.isAlive()) throw new Error("the daemon exited");
        try {
          const { status } = await client.runtime.status({}, { timeoutMs: 2_000 });
          const isTrue = (type: string): boolean =>
            status?.conditions.find((one) => one.type === type)?.status === true;
          if (!isTrue("RuntimeReady") || !isTrue("NetworkReady")) return undefined;
          return await client.runtime.version({}, { timeoutMs: 2_000 });
        } catch (error) {
          lastError = error;
          return undefined;
        }
      },
      signal,
    );
  } catch (error) {
    throw lastError === undefined
      ? error
      : new AggregateError([error, lastError], "the daemon does not respond");
  } finally {
    client.close();
  }
}
