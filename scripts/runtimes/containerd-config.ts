import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { InstalledRuntimes } from "./install.js";

/** The paths of one daemon, all inside its own folder. */
export interface ContainerdPaths {
  readonly dir: string;
  readonly configPath: string;
  readonly socketPath: string;
  readonly rootDir: string;
  readonly stateDir: string;
  readonly logPath: string;
}

/** Returns the paths of a daemon whose folder is `dir`. */
export function containerdPaths(dir: string): ContainerdPaths {
  return {
    dir,
    configPath: join(dir, "config.toml"),
    socketPath: join(dir, "containerd.sock"),
    rootDir: join(dir, "root"),
    stateDir: join(dir, "state"),
    logPath: join(dir, "containerd.log"),
  };
}

/** Writes the configuration of one daemon in version 2 syntax, which containerd 1.6 to 2.1 accept. */
export async function writeContainerdConfig(
  paths: ContainerdPaths,
  installed: InstalledRuntimes,
  cniConfDir: string,
  sandboxImage: string,
  registryPort: number,
): Promise<void> {
  const certsDir = join(paths.dir, "certs.d");
  const hostDir = join(certsDir, `localhost:${registryPort}`);
  await mkdir(hostDir, { recursive: true });
  await writeFile(
    join(hostDir, "hosts.toml"),
    `server = "http://127.0.0.1:${registryPort}"

[host."http://127.0.0.1:${registryPort}"]
  capabilities = ["pull", "resolve"]
`,
  );
  // Without restrict_oom_score_adj, pods do not start if the process lacks CAP_SYS_RESOURCE.
  // Network namespaces and runc's state are kept inside the run folder, so that takedown finds them.
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  const q = (text: string): string => JSON.stringify(text);
  await writeFile(
    paths.configPath,
    `version = 2
root = ${q(paths.rootDir)}
state = ${q(paths.stateDir)}

[grpc]
  address = ${q(paths.socketPath)}

[plugins."io.containerd.internal.v1.opt"]
  path = ${q(join(paths.dir, "opt"))}

[plugins."io.containerd.nri.v1.nri"]
  disable = true

[${cri}]
  sandbox_image = ${q(sandboxImage)}
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true

[${cri}.cni]
  bin_dir = ${q(installed.cniBinDir)}
  conf_dir = ${q(cniConfDir)}

[${cri}.registry]
  config_path = ${q(certsDir)}

[${cri}.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[${cri}.containerd.runtimes.runc.options]
  BinaryName = ${q(installed.runc)}
  Root = ${q(join(paths.dir, "runc"))}
`,
  );
}
