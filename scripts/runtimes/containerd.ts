import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Bridge, writeCniNetwork } from "./bridges.js";
import { containerdPaths, writeContainerdConfig } from "./containerd-config.js";
import { openCriClient } from "./cri-client.js";
import { type Daemon, lastLines, startDaemon } from "./daemon.js";
import { drainPods } from "./drain.js";
import { type ContainerdRelease, type InstalledRuntimes, suiteOfRelease } from "./install.js";
import { waitFor } from "./wait.js";

/** A containerd started by this process; it can be stopped, killed and started again on the same socket. */
export interface ContainerdRuntime {
  /** Derived from the version that the daemon reports, such as `containerd-1.6`. */
  readonly name: string;
  readonly release: ContainerdRelease;
  /** The version that the daemon reports, such as `1.6.20~ds1`. */
  readonly version: string;
  /** The endpoint: `unix:///…/containerd.sock`. */
  readonly endpoint: string;
  readonly socketPath: string;
  readonly configPath: string;
  readonly rootDir: string;
  readonly stateDir: string;
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

/** Options of {@link startContainerd}. */
export interface ContainerdOptions {
  readonly release: ContainerdRelease;
  readonly installed: InstalledRuntimes;
  /** The folder of the run, in which the daemon gets its own. Keep it short: a socket path has at most 107 bytes. */
  readonly runDir: string;
  readonly bridge: Bridge;
  readonly sandboxImage: string;
  readonly registryPort: number;
  /** The timeout until the daemon and the pod network are ready, in milliseconds; default 30 000. */
  readonly readyTimeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Configures and starts one containerd, and waits until runtime and network are ready. */
export async function startContainerd(options: ContainerdOptions): Promise<ContainerdRuntime> {
  const { release, installed, runDir, readyTimeoutMs = 30_000, signal } = options;
  const paths = containerdPaths(join(runDir, `c${release.replace(".", "")}`));
  const { socketPath, logPath } = paths;
  // containerd also listens on this path with ".ttrpc" added.
  if (Buffer.byteLength(`${socketPath}.ttrpc`) > 107)
    throw new Error(`${socketPath}.ttrpc: socket path is longer than 107 bytes. Pass a shorter dir`);
  await mkdir(paths.dir);
  const confDir = await writeCniNetwork(options.bridge, paths.dir);
  await writeContainerdConfig(paths, installed, confDir, options.sandboxImage, options.registryPort);

  // The daemon's own shim is first on the PATH, then the shared runc, then the programs of the machine.
  const binDir = installed.containerdBinDirs[release];
  const path = [binDir, dirname(installed.runc), process.env.PATH ?? "", "/usr/sbin", "/sbin"].join(":");
  const launch = async (): Promise<{ daemon: Daemon; version: string }> => {
    const file = join(binDir, "containerd");
    const args = ["--config", paths.configPath];
    const daemon = await startDaemon({ file, args, runDir, logPath, env: { PATH: path } });
    try {
      return { daemon, version: await readVersion(daemon, socketPath, readyTimeoutMs, signal) };
    } catch (error) {
      await daemon.kill();
      const what = `containerd of Debian ${suiteOfRelease[release]} (${release}) did not become ready`;
      throw new Error(`${what}. Last lines of its log:\n${lastLines(logPath)}`, { cause: error });
    }
  };

  let { daemon, version } = await launch();
  const runtime: ContainerdRuntime = {
    ...paths,
    name: `containerd-${/^\d+\.\d+/.exec(version)?.[0] ?? release}`,
    release,
    version,
    endpoint: `unix://${socketPath}`,
    get pid() {
      return daemon.pid;
    },
    isAlive: () => daemon.isAlive(),
    async start() {
      if (!daemon.isAlive()) ({ daemon, version } = await launch());
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

async function readVersion(
  daemon: Daemon,
  socketPath: string,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<string> {
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
          return (await client.runtime.version({}, { timeoutMs: 2_000 })).runtimeVersion;
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
