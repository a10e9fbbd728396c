import { claimBridge } from "./bridges.js";
import { runCgroup } from "./cgroups.js";
import { type ContainerdRuntime, startContainerd } from "./containerd.js";
import { type DockerRuntime, startDocker } from "./docker.js";
import { guardRun } from "./guard.js";
import { imageReferences, pushImages, type TestImages } from "./images.js";
import { type InstalledRuntimes, installRuntimes } from "./install.js";
import { type Registry, startRegistry } from "./registry.js";
import { allReleases, isDockerRelease, type RuntimeRelease } from "./releases.js";
import { createRunFolder } from "./run-folder.js";
import { takeDown } from "./takedown.js";

export type { ContainerdRuntime } from "./containerd.js";
export type { DockerRuntime } from "./docker.js";
export type { DockerEngine } from "./docker-engine.js";
export type { TestImages } from "./images.js";
export { installRuntimes } from "./install.js";
export { type Registry, startRegistry } from "./registry.js";
export { isDockerRelease, type RuntimeRelease, releaseTitle } from "./releases.js";
export { leftovers, takeDown } from "./takedown.js";

/** Options of {@link startRuntimes}. */
export interface StartOptions {
  /** The releases to start. Default: all. */
  readonly which?: readonly RuntimeRelease[];
  /** An empty or missing folder with a short path, deleted at the end; default: a new one in the temp folder. */
  readonly dir?: string;
  /** Aborts the start and takes down all started processes. */
  readonly signal?: AbortSignal;
  readonly log?: (line: string) => void;
}

/** A runtime of any kind, distinguished by its release. */
export type AnyRuntime = ContainerdRuntime | DockerRuntime;

/** Real container runtimes and a registry with test images, all running on this machine. */
export interface RunningRuntimes extends AsyncDisposable {
  readonly dir: string;
  /** The cgroup of this run, removed with it: use `${cgroupParent}/UID` as the `cgroup_parent` of a pod. */
  readonly cgroupParent: string;
  /** In the order of {@link StartOptions.which}. */
  readonly runtimes: readonly AnyRuntime[];
  readonly registry: Registry;
  readonly images: TestImages;
  readonly installed: InstalledRuntimes;
  /** Removes all pods, stops all daemons and deletes the folder. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Installs missing programs, then starts a registry and one runtime per release. Requires root. If a step fails,
 * everything is taken down, and the error contains the last lines of the daemon's log.
 */
export async function startRuntimes(options: StartOptions = {}): Promise<RunningRuntimes> {
  const { which = allReleases, signal, log } = options;
  if (process.getuid?.() !== 0)
    throw new Error("container runtimes can only be started as root. Run the command with sudo");
  const installed = await installRuntimes({ releases: which, log, signal });
  const dir = createRunFolder(options.dir);
  const removeGuard = guardRun(dir);
  try {
    const registry = await startRegistry({ program: installed.dockerRegistry, runDir: dir, signal });
    const { pause: sandboxImage } = imageReferences(registry.port);
    const registryPort = registry.port;
    const claims = which.map((release) => ({ release, bridge: claimBridge(dir) }));
    const starts = claims.map(({ release, bridge }): Promise<AnyRuntime> => {
      const common = { installed, runDir: dir, bridge, sandboxImage, signal };
      if (isDockerRelease(release)) return startDocker({ ...common, release });
      return startContainerd({ ...common, release, registryPort });
    });
    // All starts must settle before a takedown.
    const [images, ...results] = await Promise.allSettled([
      pushImages(registry, installed.busybox, signal),
      ...starts,
    ]);
    const runtimes = results.map(unwrap);
    let stopping: Promise<void> | undefined;
    const stop = (): Promise<void> => (stopping ??= stopAll(dir, runtimes, registry, removeGuard));
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
    removeGuard();
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
      `the start failed (${failure}), and the takedown failed, too (${error})`,
    );
  }
}

function unwrap<T>(result: PromiseSettledResult<T>): T {
  if (result.status === "rejected") throw result.reason;
  return result.value;
}

/** Ignores errors of dead and hung daemons: the takedown does not need them. */
async function stopAll(
  dir: string,
  runtimes: readonly AnyRuntime[],
  registry: Registry,
  removeGuard: () => void,
): Promise<void> {
  await Promise.allSettled(runtimes.filter((runtime) => runtime.isAlive()).map((runtime) => runtime.drain()));
  await Promise.allSettled([...runtimes.map(stopRuntime), registry.stop()]);
  takeDown(dir);
  removeGuard();
}

async function stopRuntime(runtime: AnyRuntime): Promise<void> {
  await runtime.stop();
  if ("engine" in runtime) await runtime.engine.shutDown();
}
