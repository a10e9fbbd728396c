import { rm } from "node:fs/promises";
import { request } from "node:http";
import { dirname, join } from "node:path";
import { runCgroup } from "./cgroups.js";
import { checkSocketPath, type Daemon, lastLines, programPath, startDaemon } from "./daemon.js";
import { libraryPath } from "./debian-triplet.js";
import {
  dockerPaths,
  type EngineSettings,
  writeDockerConfig,
  writeEngineContainerdConfig,
} from "./docker-config.js";
import type { InstalledRuntimes } from "./install.js";
import { containerdOfDocker, type DockerRelease, releaseTitle } from "./releases.js";
import { waitFor } from "./wait.js";

/** Without live restore, `dockerd` waits up to 10 s for each of its containers, all at once, before it kills them. */
const stopTimeoutMs = 30_000;

/** A Docker Engine started by this process, with a containerd of its own, which keeps running while the engine is stopped. */
export interface DockerEngine {
  /** The version that the engine reports, such as `20.10.24+dfsg1`. */
  readonly version: string;
  /** The socket of the Engine API. */
  readonly socketPath: string;
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly logPath: string;
  /** The pid of the running `dockerd`, or of the last one. */
  readonly pid: number;
  isAlive(): boolean;
  /** Starts the engine again after {@link stop} or {@link kill} and waits until its API responds. */
  start(settings?: EngineSettings): Promise<void>;
  /** Sends SIGTERM and waits for the exit. The engine stops its containers first, unless it was started with live restore. */
  stop(): Promise<void>;
  /** Sends SIGKILL and waits for the exit. Containers keep running; a start without live restore stops them. */
  kill(): Promise<void>;
  /** Stops the engine, then its containerd. */
  shutDown(): Promise<void>;
}

/** Options of {@link startDockerEngine}. */
export interface DockerEngineOptions extends EngineSettings {
  readonly release: DockerRelease;
  readonly installed: InstalledRuntimes;
  /** The folder of the run to which the engine belongs. */
  readonly runDir: string;
  /** The folder of the engine. */
  readonly dir: string;
  /** A folder of programs that precede all others, such as `runc`. */
  readonly wrappersDir: string;
  /** The timeout until the API responds, in milliseconds; default 30 000. */
  readonly readyTimeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Starts one Docker Engine and waits until its API responds. */
export async function startDockerEngine(options: DockerEngineOptions): Promise<DockerEngine> {
  const { release, installed, runDir, readyTimeoutMs = 30_000, signal } = options;
  const paths = dockerPaths(options.dir);
  const { socketPath, dataRoot, execRoot, logPath } = paths;
  // The longest of the sockets; its name has 12 digits.
  checkSocketPath(join(execRoot, "libnetwork/123456789012.sock"));
  await writeEngineContainerdConfig(paths);

  const containerdDir = installed.containerdBinDirs[containerdOfDocker[release]];
  const dockerDir = installed.dockerDirs[release];
  const path = [options.wrappersDir, containerdDir, join(dockerDir, "usr/bin"), dirname(installed.runc)];
  const env = { PATH: programPath(...path), LD_LIBRARY_PATH: libraryPath(dockerDir) };
  const launchContainerd = (): Promise<Daemon> => {
    const file = join(containerdDir, "containerd");
    const args = ["--config", paths.containerd.configPath];
    return startDaemon({ file, args, runDir, logPath: paths.containerd.logPath, env });
  };

  let containerd = await launchContainerd();
  const launch = async (settings: EngineSettings): Promise<{ daemon: Daemon; version: string }> => {
    if (!containerd.isAlive()) containerd = await launchContainerd();
    await writeDockerConfig(paths, `${runCgroup(runDir)}/docker`, settings);
    // After a kill, dockerd would refuse to start if another process got the pid in the meantime.
    await rm(paths.pidPath, { force: true });
    const file = join(dockerDir, "usr/sbin/dockerd");
    const args = ["--config-file", paths.configPath];
    const daemon = await startDaemon({ file, args, runDir, logPath, env });
    const readVersion = async (): Promise<string | undefined> => {
      for (const one of [daemon, containerd])
        if (!one.isAlive()) throw new Error(`process ${one.pid} exited`);
      return engineVersion(socketPath);
    };
    try {
      return {
        daemon,
        version: await waitFor("response of the engine", readyTimeoutMs, readVersion, signal),
      };
    } catch (error) {
      await daemon.kill();
      const logs = [paths.containerd.logPath, logPath].map((log) => `${log}:\n${lastLines(log)}`).join("\n");
      throw new Error(`the engine of ${releaseTitle(release)} did not become ready. ${logs}`, {
        cause: error,
      });
    }
  };

  let { daemon, version } = await launch(options);
  const stop = (): Promise<void> => daemon.end(stopTimeoutMs);
  return {
    get version() {
      return version;
    },
    socketPath,
    dataRoot,
    execRoot,
    logPath,
    get pid() {
      return daemon.pid;
    },
    isAlive: () => daemon.isAlive(),
    async start(settings = {}) {
      if (!daemon.isAlive()) ({ daemon, version } = await launch(settings));
    },
    stop,
    kill: () => daemon.kill(),
    async shutDown() {
      await stop();
      await containerd.end();
    },
  };
}

/** Returns the version of an engine; undefined while it does not respond. */
function engineVersion(socketPath: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const get = request({ socketPath, path: "/version", timeout: 2_000 }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      response.on("error", () => resolve(undefined)).on("end", () => resolve(versionIn(text)));
    });
    get
      .on("timeout", () => get.destroy())
      .on("error", () => resolve(undefined))
      .end();
  });
}

function versionIn(text: string): string | undefined {
  return /"Version":"([^"]+)","ApiVersion"/.exec(text)?.[1];
}
