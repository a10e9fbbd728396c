import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { cacheFolder } from "./cache-folder.js";
import { retry, runCommand } from "./command.js";
import { openPackageSource } from "./debian-packages.js";
import { iptablesFolder, iptablesPackages } from "./iptables.js";
import {
  allReleases,
  type ContainerdRelease,
  containerdOfDocker,
  type DockerRelease,
  isDockerRelease,
  type RuntimeRelease,
  suiteOfRelease,
} from "./releases.js";

/** The paths of the installed programs. None is in the machine's own `/usr`. */
export interface InstalledRuntimes {
  /** The folder in which unpacked packages are cached between runs. */
  readonly cacheDir: string;
  /** The folder of `containerd` and its shim, per release. */
  readonly containerdBinDirs: Readonly<Record<ContainerdRelease, string>>;
  /** The folder into which `docker.io` was unpacked, per release. */
  readonly dockerDirs: Readonly<Record<DockerRelease, string>>;
  /** bookworm's `runc`, which runs on Debian 12; shared by all daemons. */
  readonly runc: string;
  readonly cniBinDir: string;
  readonly busybox: string;
  readonly dockerRegistry: string;
}

/** Options of {@link installRuntimes}. */
export interface InstallOptions {
  /** The releases to install; default: all. */
  readonly releases?: readonly RuntimeRelease[];
  readonly log?: ((line: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

const toolPackages = ["runc", "containernetworking-plugins", "busybox-static", "docker-registry"];

/** `docker-init` of docker.io is a link to a program of tini. */
const dockerPackages: Readonly<Record<DockerRelease, readonly string[]>> = {
  // Minimal images lack libdevmapper, which only this release is linked to.
  "docker-20.10": ["docker.io", "tini", "libdevmapper1.02.1"],
  "docker-26.1": ["docker.io", "tini"],
};

/**
 * Installs the runtimes and their tools: unpacks missing packages into the cache folder, so that no system service is
 * installed or started and a second run needs no network. Several processes may install at the same time.
 */
export async function installRuntimes(options: InstallOptions = {}): Promise<InstalledRuntimes> {
  const cacheDir = cacheFolder();
  const tools = join(cacheDir, "tools");
  const containerdDir = (release: ContainerdRelease): string => join(cacheDir, suiteOfRelease[release]);
  const dockerDir = (release: DockerRelease): string => join(cacheDir, `docker-${suiteOfRelease[release]}`);

  const wanted = new Map([[tools, fromSuite("bookworm", toolPackages)]]);
  for (const release of options.releases ?? allReleases) {
    const containerd = isDockerRelease(release) ? containerdOfDocker[release] : release;
    wanted.set(containerdDir(containerd), fromSuite(suiteOfRelease[containerd], ["containerd"]));
    if (!isDockerRelease(release)) continue;
    wanted.set(dockerDir(release), fromSuite(suiteOfRelease[release], dockerPackages[release]));
    wanted.set(iptablesFolder(), fromSuite("bookworm", iptablesPackages));
  }
  await ensureIproute(options);
  const missing = [...wanted].filter(([folder]) => !existsSync(folder));
  if (missing.length > 0) await unpackAll(cacheDir, missing, options);
  const binDir = (release: ContainerdRelease): string => join(containerdDir(release), "usr/bin");
  return {
    cacheDir,
    containerdBinDirs: { "1.6": binDir("1.6"), "1.7": binDir("1.7"), "2.1": binDir("2.1") },
    dockerDirs: { "docker-20.10": dockerDir("docker-20.10"), "docker-26.1": dockerDir("docker-26.1") },
    runc: join(tools, "usr/sbin/runc"),
    cniBinDir: join(tools, "usr/lib/cni"),
    busybox: join(tools, "bin/busybox"),
    dockerRegistry: join(tools, "usr/bin/docker-registry"),
  };
}

function fromSuite(suite: string, packages: readonly string[]): readonly string[] {
  return packages.map((name) => `${name}/${suite}`);
}

/** Fills each folder under a temporary name and renames it at the end, so that a concurrent process finds it complete. */
async function unpackAll(
  cacheDir: string,
  missing: readonly (readonly [string, readonly string[]])[],
  { log, signal }: InstallOptions,
): Promise<void> {
  await mkdir(cacheDir, { recursive: true });
  await removeOldWork(cacheDir);
  const work = await mkdtemp(join(cacheDir, ".work-"));
  try {
    const suites = new Set(
      missing.flatMap(([, packages]) => packages.map((name) => name.split("/")[1] ?? "")),
    );
    const source = await openPackageSource([...suites], work, log, signal);
    for (const [folder, packages] of missing) {
      const partial = await mkdtemp(join(work, "fill-"));
      await source.unpack(packages, partial);
      await rename(partial, folder).catch((error: unknown) => {
        if (!existsSync(folder)) throw error;
      });
    }
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Removes the folders of killed installations. A folder younger than an hour may belong to a running one. */
async function removeOldWork(cacheDir: string): Promise<void> {
  const hourMs = 3_600_000;
  for (const name of await readdir(cacheDir)) {
    if (!name.startsWith(".work-")) continue;
    const { mtimeMs } = await stat(join(cacheDir, name));
    if (Date.now() - mtimeMs > hourMs) await rm(join(cacheDir, name), { recursive: true, force: true });
  }
}

/** Installs iproute2 if `ip` is missing, the only program used from the machine itself; minimal images lack it. */
async function ensureIproute({ log, signal }: InstallOptions): Promise<void> {
  if (["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip", "/bin/ip"].some((path) => existsSync(path))) return;
  log?.("installing iproute2");
  const env = { DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" };
  const apt = async (): Promise<void> => {
    await runCommand("apt-get", ["-q", "update"], { env, signal, timeoutMs: 180_000 });
    const args = [
      "-q",
      "-y",
      "-o",
      "DPkg::Lock::Timeout=120",
      "install",
      "--no-install-recommends",
      "iproute2",
    ];
    await runCommand("apt-get", args, { env, signal, timeoutMs: 300_000 });
  };
  await retry("installing iproute2", 3, apt, log, signal);
}
