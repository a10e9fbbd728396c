import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { openPackageSource } from "../runtimes/debian-packages.js";

/** How to install. */
export interface InstallOptions {
  /** Default: `CRI_SDK_INTEROP_CACHE`, else `/var/cache/cri-sdk-interop`. */
  readonly cacheDir?: string;
  readonly log?: ((line: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The folder below the cache that holds packages of a Debian suite, unpacked; nothing is installed, and a second run
 * needs no network.
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

/** The folder is filled under another name and renamed at the end: whoever comes second finds it complete. */
async function unpack(
  cacheDir: string,
  folder: string,
  suite: string,
  packages: readonly string[],
  { log, signal }: InstallOptions,
): Promise<void> {
  await mkdir(cacheDir, { recursive: true });
  const work = await mkdtemp(join(cacheDir, ".work-"));
  try {
    const source = await openPackageSource([suite], work, log, signal);
    const filling = await mkdtemp(join(work, "fill-"));
    await source.unpack(
      packages.map((one) => `${one}/${suite}`),
      filling,
    );
    await rename(filling, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
