import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { openPackageSource } from "../runtimes/debian-packages.js";

/** Options of an installation. */
export interface InstallOptions {
  /** Default: `CRI_SDK_INTEROP_CACHE`, else `/var/cache/cri-sdk-interop`. */
  readonly cacheDir?: string;
  readonly log?: ((line: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Whether packages that these need, and that this machine does not have, are unpacked, too. Default: false. */
  readonly withDependencies?: boolean;
}

/**
 * Returns the cache folder with the unpacked packages of a Debian suite; downloads them if it is missing. Nothing is
 * installed on the system, and a second run needs no network.
 */
export async function unpacked(
  name: string,
  suite: string,
  packages: readonly string[],
  options: InstallOptions,
): Promise<string> {
  const cacheDir = options.cacheDir ?? (process.env.CRI_SDK_INTEROP_CACHE || "/var/cache/cri-sdk-interop");
  const folder = join(cacheDir, `${name}-${suite}`);
  if (!existsSync(folder)) await unpack(cacheDir, folder, suite, packages, options);
  return folder;
}

/** Fills the folder under a temporary name and renames it at the end, so that a concurrent process finds it complete. */
async function unpack(
  cacheDir: string,
  folder: string,
  suite: string,
  packages: readonly string[],
  { log, signal, withDependencies = false }: InstallOptions,
): Promise<void> {
  await mkdir(cacheDir, { recursive: true });
  const work = await mkdtemp(join(cacheDir, ".work-"));
  try {
    const source = await openPackageSource([suite], work, log, signal);
    const partial = await mkdtemp(join(work, "fill-"));
    const names = packages.map((one) => `${one}/${suite}`);
    await (withDependencies ? source.unpackWithDependencies(names, partial) : source.unpack(names, partial));
    await rename(partial, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
