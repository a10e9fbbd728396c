import { existsSync } from "node:fs";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type CommandOptions, retry, runCommand } from "./command.js";
import { debianMirror } from "./mirror.js";

const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
const attempts = 3;

/** A source of packages of any Debian suite; the machine's own lists, caches and packages stay unchanged. */
export interface PackageSource {
  /** Unpacks packages (each written `name/suite`) into a folder. */
  unpack(packages: readonly string[], folder: string): Promise<void>;
  /** Unpacks packages, and those that they need and that this machine does not have. */
  unpackWithDependencies(packages: readonly string[], folder: string): Promise<void>;
}

/** Downloads the package lists of the suites into `workFolder`, with a separate sources file and lists folder. */
export async function openPackageSource(
  suites: readonly string[],
  workFolder: string,
  log?: (line: string) => void,
  signal?: AbortSignal,
): Promise<PackageSource> {
  const config = await writeAptConfig(suites, workFolder);
  const apt = (args: readonly string[], options: CommandOptions): Promise<string> =>
    runCommand("apt-get", ["-c", config, "-q", ...args], {
      ...options,
      signal,
      env: { DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" },
    });

  log?.(`downloading the package lists of Debian ${suites.join(", ")}`);
  const update = (): Promise<string> => apt(["update"], { timeoutMs: 180_000 });
  await retry(`apt-get update for Debian ${suites.join(", ")}`, attempts, update, log, signal);

  const downloadInto = async (debs: string, args: readonly string[], packages: readonly string[]) => {
    await mkdir(join(debs, "partial"), { recursive: true });
    log?.(`downloading ${packages.join(", ")}`);
    const download = (): Promise<string> => apt([...args, ...packages], { cwd: debs, timeoutMs: 300_000 });
    await retry(`downloading ${packages.join(", ")}`, attempts, download, log, signal);
  };
  const unpackAll = async (debs: string, folder: string) => {
    for (const deb of await readdir(debs)) {
      if (deb.endsWith(".deb"))
        await runCommand("dpkg", ["-x", join(debs, deb), folder], { signal, timeoutMs: 120_000 });
    }
    await rm(debs, { recursive: true });
  };
  return {
    async unpack(packages, folder) {
      const debs = join(folder, ".debs");
      await downloadInto(debs, ["download"], packages);
      await unpackAll(debs, folder);
    },
    async unpackWithDependencies(packages, folder) {
      const debs = join(folder, ".debs");
      const download = ["install", "--download-only", "--no-install-recommends", "--yes"];
      // Downloading installs nothing, so it needs none of the system's locks; a lock that another program has would fail it.
      const own = ["-o", `Dir::Cache::archives=${debs}`, "-o", "Debug::NoLocking=true"];
      await downloadInto(debs, [...own, ...download], packages);
      await unpackAll(debs, folder);
    },
  };
}

async function writeAptConfig(suites: readonly string[], workFolder: string): Promise<string> {
  const signedBy = existsSync(keyring) ? `[signed-by=${keyring}] ` : "";
  const mirror = debianMirror();
  const lists = join(workFolder, "lists");
  const cache = join(workFolder, "cache");
  await mkdir(join(lists, "partial"), { recursive: true });
  await mkdir(join(cache, "archives", "partial"), { recursive: true });
  const sources = join(workFolder, "sources.list");
  await writeFile(sources, suites.map((suite) => `deb ${signedBy}${mirror} ${suite} main\n`).join(""));
  const config = join(workFolder, "apt.conf");
  await writeFile(
    config,
    `Dir::Etc::sourcelist "${sources}";
Dir::Etc::sourceparts "/dev/null";
Dir::State::Lists "${lists}";
Dir::Cache "${cache}";
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::Retries "2";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
`,
  );
  return config;
}
