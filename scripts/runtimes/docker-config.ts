import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type ContainerdPaths, containerdPaths } from "./containerd-config.js";

/** The paths of one Docker Engine and its containerd, all inside its own folder. */
export interface DockerPaths {
  readonly dir: string;
  readonly containerd: ContainerdPaths;
  readonly configPath: string;
  readonly socketPath: string;
  readonly pidPath: string;
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly logPath: string;
}

/** Returns the paths of an engine whose folder is `dir`. */
export function dockerPaths(dir: string): DockerPaths {
  return {
    dir,
    containerd: containerdPaths(dir),
    configPath: join(dir, "daemon.json"),
    socketPath: join(dir, "docker.sock"),
    pidPath: join(dir, "dockerd.pid"),
    dataRoot: join(dir, "data"),
    execRoot: join(dir, "exec"),
    logPath: join(dir, "dockerd.log"),
  };
}

/** Writes the configuration of the engine's containerd, without the CRI plugin. */
export async function writeEngineContainerdConfig(paths: DockerPaths): Promise<void> {
  const { configPath, rootDir, stateDir, socketPath } = paths.containerd;
  const q = (text: string): string => JSON.stringify(text);
  await writeFile(
    configPath,
    `version = 2
root = ${q(rootDir)}
state = ${q(stateDir)}
disabled_plugins = ["io.containerd.grpc.v1.cri"]

[grpc]
  address = ${q(socketPath)}

[plugins."io.containerd.internal.v1.opt"]
  path = ${q(join(paths.dir, "opt"))}
`,
  );
}

/** Settings of an engine that a restart can change. */
export interface EngineSettings {
  /** Whether containers keep running while the engine is stopped; default false, as in Docker. */
  readonly liveRestore?: boolean | undefined;
}

/**
 * Writes the configuration of one engine. It changes nothing of the machine's network: pods get their network from CNI
 * plugins. A registry on `localhost` needs no entry: Docker allows http to the addresses of the loopback interface.
 */
export async function writeDockerConfig(
  paths: DockerPaths,
  cgroupParent: string,
  { liveRestore = false }: EngineSettings,
): Promise<void> {
  const config = {
    hosts: [`unix://${paths.socketPath}`],
    containerd: paths.containerd.socketPath,
    "data-root": paths.dataRoot,
    "exec-root": paths.execRoot,
    pidfile: paths.pidPath,
    "storage-driver": "overlay2",
    "exec-opts": ["native.cgroupdriver=cgroupfs"],
    "cgroup-parent": cgroupParent,
    "live-restore": liveRestore,
    bridge: "none",
    iptables: false,
    ip6tables: false,
    "ip-forward": false,
    "ip-masq": false,
    "userland-proxy": false,
    // Docker 20.10 would create the key in /etc/docker.
    "deprecated-key-path": join(paths.dir, "key.json"),
  };
  await writeFile(paths.configPath, JSON.stringify(config, undefined, 2));
}
