import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { checkout, nodeArgs } from "../../test/support/checkout.js";
import { type Bridge, writeCniNetwork } from "./bridges.js";
import { checkSocketPath, type Daemon, programPath, startDaemon } from "./daemon.js";
import type { EngineSettings } from "./docker-config.js";
import { type DockerEngine, startDockerEngine } from "./docker-engine.js";
import type { InstalledRuntimes } from "./install.js";
import type { DockerRelease } from "./releases.js";
import { type Runtime, startRuntime } from "./runtime.js";
import { writeWrappers } from "./wrappers.js";

/**
 * A Docker Engine behind `examples/dockershim`. The shim is the daemon of the runtime: stops, kills and starts are its own, and
 * {@link engine} has others.
 */
export interface DockerRuntime extends Runtime {
  readonly release: DockerRelease;
  readonly engine: DockerEngine;
}

/** Options of {@link startDocker}. */
export interface DockerOptions extends EngineSettings {
  readonly release: DockerRelease;
  readonly installed: InstalledRuntimes;
  /** The folder of the run, in which engine and shim get theirs. Keep it short: a socket path has at most 107 bytes. */
  readonly runDir: string;
  readonly bridge: Bridge;
  readonly sandboxImage: string;
  /** The timeout until the engine, then until the shim and the pod network are ready, in milliseconds; default 30 000. */
  readonly readyTimeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Starts one Docker Engine and a shim in front of it, and waits until runtime and network are ready. */
export async function startDocker(options: DockerOptions): Promise<DockerRuntime> {
  const { release, installed, runDir, sandboxImage, readyTimeoutMs, signal, liveRestore } = options;
  const dir = join(runDir, `d${release.replace(/\D/g, "")}`);
  const socketPath = join(dir, "cri.sock");
  const logPath = join(dir, "shim.log");
  checkSocketPath(socketPath);
  await mkdir(dir);
  const confDir = await writeCniNetwork(options.bridge, dir, { hostPorts: true });
  const wrappersDir = await writeWrappers(dir, installed);
  const engine = await startDockerEngine({
    ...{ release, installed, runDir, dir, wrappersDir, readyTimeoutMs, signal, liveRestore },
  });

  const args = nodeArgs(
    "examples/dockershim/main.ts",
    ...["--socket", socketPath, "--docker", engine.socketPath, "--pause-image", sandboxImage],
    ...["--cni-conf", confDir, "--cni-bin", installed.cniBinDir],
    // Without CAP_SYS_RESOURCE, pods do not start with the score that a sandbox usually has.
    "--restrict-oom-score-adj",
  );
  // The portmap plugin runs iptables.
  const env = { PATH: programPath(wrappersDir) };
  const launch = (): Promise<Daemon> =>
    // Node resolves the loader of TypeScript from the working directory.
    startDaemon({ file: process.execPath, args, runDir, logPath, env, cwd: checkout });
  const runtime = await startRuntime({ release, socketPath, logPath, launch, readyTimeoutMs, signal });
  return Object.assign(runtime, { engine });
}
