import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { openPackageSource } from "../runtimes/debian-packages.js";

/** The Debian suite whose kubectl is used: one that speaks WebSocket by itself, and SPDY when told to. */
const suite = "forky";

/** How to install. */
export interface KubectlOptions {
  /** Default: `CRI_SDK_INTEROP_CACHE`, else `/var/cache/cri-sdk-interop`. */
  readonly cacheDir?: string;
  readonly log?: ((line: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes sure of a kubectl, which brings the streaming clients that crictl and the kubelet's callers are built on, too.
 * It is unpacked into a cache folder, nothing is installed, and a second run needs no network. Gives its path.
 */
export async function installKubectl(options: KubectlOptions = {}): Promise<string> {
  const cacheDir = options.cacheDir ?? (process.env.CRI_SDK_INTEROP_CACHE || "/var/cache/cri-sdk-interop");
  const folder = join(cacheDir, `kubectl-${suite}`);
  const kubectl = join(folder, "usr/bin/kubectl");
  if (!existsSync(kubectl)) await unpack(cacheDir, folder, options);
  return kubectl;
}

/** The folder is filled under another name and renamed at the end: whoever comes second finds it complete. */
async function unpack(cacheDir: string, folder: string, { log, signal }: KubectlOptions): Promise<void> {
  await mkdir(cacheDir, { recursive: true });
  const work = await mkdtemp(join(cacheDir, ".work-"));
  try {
    const source = await openPackageSource([suite], work, log, signal);
    const filling = await mkdtemp(join(work, "fill-"));
    await source.unpack([`kubectl/${suite}`], filling);
    await rename(filling, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
