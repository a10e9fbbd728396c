import { claimBridge } from "./bridges.js";
import { runCgroup } from "./cgroups.js";
import { type ContainerdRuntime, startContainerd } from "./containerd.js";
import { guardRun } from "./guard.js";
import { imageReferences, pushImages, type TestImages } from "./images.js";
import { allReleases, type ContainerdRelease, type InstalledRuntimes, installRuntimes } from "./install.js";
import { type Registry, startRegistry } from "./registry.js";
import { createRunFolder } from "./run-folder.js";
import { takeDown } from "./takedown.js";

export type { ContainerdRuntime } from "./containerd.js";
export type { TestImages } from "./images.js";
export { type ContainerdRelease, installRuntimes } from "./install.js";
export { type Registry, startRegistry } from "./registry.js";
export { leftovers, takeDown } from "./takedown.js";

/** Which runtimes to start, and where. */
export interface StartOptions {
  /** Default: all three. */
  readonly which?: readonly ContainerdRelease[];
  /** An empty or missing folder with a short path; default a new one under the temp folder. It is deleted at the end. */
  readonly dir?: string;
  /** Ends the start; what was started is taken down. */
  readonly signal?: AbortSignal;
  readonly log?: (line: string) => void;
}

/** Real container runtimes and a registry with test images, side by side on this machine. */
export interface RunningRuntimes extends AsyncDisposable {
  readonly dir: string;
  /** Give pods a `cgroup_parent` below this (`${cgroupParent}/UID`): it is this run's own, and removed with it. */
  readonly cgroupParent: string;
  /** In the order of {@link StartOptions.which}. */
  readonly runtimes: readonly ContainerdRuntime[];
  readonly registry: Registry;
  readonly images: TestImages;
  readonly installed: InstalledRuntimes;
  /** Removes all pods, ends all daemons and deletes the folder. Safe to repeat. */
  stop(): Promise<void>;
}

/**
 * Installs what is missing, then starts a registry and one containerd per release. Needs root. If anything fails,
 * everything is taken down and the error carries the last lines of the daemon's log.
 */
export async function startRuntimes(options: StartOptions = {}): Promise<RunningRuntimes> {
  const { which = allReleases, signal, log } = options;
  if (process.getuid?.() !== 0) throw new Error("container runtimes can only be started as root");
  const installed = await installRuntimes({ releases: which, log, signal });
  const dir = createRunFolder(options.dir);
  const lift = guardRun(dir);
  try {
    const registry = await startRegistry({ program: installed.dockerRegistry, runDir: dir, signal });
    const { pause: sandboxImage } = imageReferences(registry.port);
    const registryPort = registry.port;
    const claims = which.map((release) => ({ release, bridge: claimBridge(dir) }));
    const starts = claims.map(({ release, bridge }) =>
      startContainerd({ release, installed, runDir: dir, bridge, sandboxImage, registryPort, signal }),
    );
    // Every start has to end, well or badly, before anything can be taken down.
    const [images, ...results] = await Promise.allSettled([
      pushImages(registry, installed.busybox, signal),
      ...starts,
    ]);
    const runtimes = results.map(unwrap);
    let stopping: Promise<void> | undefined;
    const stop = (): Promise<void> => (stopping ??= stopAll(dir, runtimes, registry, lift));
    return {
      dir,
      cgroupParent: runCgroup(dir),
      runtimes,
      registry,
      images: unwrap(images),
      installed,
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    takeDownAfter(error, dir);
    lift();
    signal?.throwIfAborted();
    throw error;
  }
}

function takeDownAfter(failure: unknown, dir: string): void {
  try {
    takeDown(dir);
  } catch (error) {
    throw new AggregateError(
      [failure, error],
      `the start failed (${failure}), and so did taking it down (${error})`,
    );
  }
}

function unwrap<T>(result: PromiseSettledResult<T>): T {
  if (result.status === "rejected") throw result.reason;
  return result.value;
}

/** A daemon that is dead or does not answer is not an error here: takedown needs none of them. */
async function stopAll(
  dir: string,
  runtimes: readonly ContainerdRuntime[],
  registry: Registry,
  lift: () => void,
): Promise<void> {
  await Promise.allSettled(runtimes.filter((runtime) => runtime.isAlive()).map((runtime) => runtime.drain()));
  await Promise.allSettled([...runtimes.map((runtime) => runtime.stop()), registry.stop()]);
  takeDown(dir);
  lift();
}
