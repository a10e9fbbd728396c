import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { retry, runCommand } from "./command.js";
import { openPackageSource } from "./debian-packages.js";

/** The supported containerd releases; each is taken from one Debian suite. */
export type ContainerdRelease = "1.6" | "1.7" | "2.1";

/** The Debian suite of each release. Suites are updated: read the exact version from the daemon. */
export const suiteOfRelease: Readonly<Record<ContainerdRelease, string>> = {
  "1.6": "bookworm",
  "1.7": "trixie",
  "2.1": "forky",
};

/** All releases, oldest first. */
export const allReleases: readonly ContainerdRelease[] = ["1.6", "1.7", "2.1"];

/** The paths of the installed programs. None is in the machine's own `/usr`. */
export interface InstalledRuntimes {
  /** The folder in which unpacked packages are cached between runs. */
  readonly cacheDir: string;
  /** The folder of `containerd` and its shim, per release. */
  readonly containerdBinDirs: Readonly<Record<ContainerdRelease, string>>;
  /** bookworm's `runc`, which runs on Debian 12; shared by all daemons. */
  readonly runc: string;
  readonly cniBinDir: string;
  readonly busybox: string;
  readonly dockerRegistry: string;
}

/** Options of {@link installRuntimes}. */
export interface InstallOptions {
  /** Default: `CRI_SDK_RUNTIMES_CACHE`, else `/var/cache/cri-sdk-runtimes`. */
  readonly cacheDir?: string;
  /** The releases to install; default: all. */
  readonly releases?: readonly ContainerdRelease[];
  readonly log?: ((line: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

const toolPackages = ["runc", "containernetworking-plugins", "busybox-static", "docker-registry"];

/**
 * Installs the runtimes and their tools: unpacks missing packages into the cache folder, so that no system service is
 * installed or started and a second run needs no network. Several processes may install at the same time.
 */
export async function installRuntimes(options: InstallOptions = {}): Promise<InstalledRuntimes> {
  const cacheDir = options.cacheDir ?? (process.env.CRI_SDK_RUNTIMES_CACHE || "/var/cache/cri-sdk-runtimes");
  const tools = join(cacheDir, "tools");
  const wanted = new Map([[tools, toolPackages.map((name) => `${name}/bookworm`)]]);
  for (const release of options.releases ?? allReleases) {
    const suite = suiteOfRelease[release];
    wanted.set(join(cacheDir, suite), [`containerd/${suite}`]);
  }
  await ensureIproute(options);
  const missing = [...wanted].filter(([folder]) => !existsSync(folder));
  if (missing.length > 0) await unpackAll(cacheDir, missing, options);
  const binDir = (release: ContainerdRelease): string => join(cacheDir, suiteOfRelease[release], "usr/bin");
  return {
    cacheDir,
    containerdBinDirs: { "1.6": binDir("1.6"), "1.7": binDir("1.7"), "2.1": binDir("2.1") },
    runc: join(tools, "usr/sbin/runc"),
    cniBinDir: join(tools, "usr/lib/cni"),
    busybox: join(tools, "bin/busybox"),
    dockerRegistry: join(tools, "usr/bin/docker-registry"),
  };
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
