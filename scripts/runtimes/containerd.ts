import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Bridge, writeCniNetwork } from "./bridges.js";
import { containerdPaths, writeContainerdConfig } from "./containerd-config.js";
import { checkSocketPath, type Daemon, programPath, startDaemon } from "./daemon.js";
import type { InstalledRuntimes } from "./install.js";
import type { ContainerdRelease } from "./releases.js";
import { type Runtime, startRuntime } from "./runtime.js";

/** A containerd started by this process. */
export interface ContainerdRuntime extends Runtime {
  readonly release: ContainerdRelease;
  readonly configPath: string;
  readonly rootDir: string;
  readonly stateDir: string;
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
  const { release, installed, runDir, readyTimeoutMs, signal } = options;
  const paths = containerdPaths(join(runDir, `c${release.replace(".", "")}`));
  const { socketPath, logPath, configPath, rootDir, stateDir } = paths;
  // containerd also listens on this path with ".ttrpc" added.
  checkSocketPath(`${socketPath}.ttrpc`);
  await mkdir(paths.dir);
  const confDir = await writeCniNetwork(options.bridge, paths.dir);
  await writeContainerdConfig(paths, installed, confDir, options.sandboxImage, options.registryPort);

  // The daemon's own shim is first on the PATH, then the shared runc.
  const binDir = installed.containerdBinDirs[release];
  const env = { PATH: programPath(binDir, dirname(installed.runc)) };
  const file = join(binDir, "containerd");
  const launch = (): Promise<Daemon> =>
    startDaemon({ file, args: ["--config", configPath], runDir, logPath, env });
  const runtime = await startRuntime({ release, socketPath, logPath, launch, readyTimeoutMs, signal });
  return Object.assign(runtime, { configPath, rootDir, stateDir });
}
