import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { type AnyRuntime, isDockerRelease, type RunningRuntimes } from "../../scripts/runtimes/index.js";
import { type Cri, connect } from "../../src/index.js";
import type { Coverage } from "./coverage.js";

/** What some of the runtimes lack. Any other runtime is expected to have all of it. */
export interface Abilities {
  /** GetContainerEvents. */
  readonly events: boolean;
  /** Handlers in StatusResponse. */
  readonly handlers: boolean;
  /** Mounts of images. */
  readonly imageVolumes: boolean;
  /** The fifth version of the protocol of commands over WebSocket, in which stdin can end. */
  readonly webSocketV5: boolean;
  /** A command is killed when its client disconnects. */
  readonly killsOnDisconnect: boolean;
  /** The exit code of a container that has ended while the daemon was down. */
  readonly exitCodesOfDowntime: boolean;
  /** Stats of pods without a cgroup of their own. */
  readonly statsWithoutCgroup: boolean;
  /** Lists contain every container. One of Docker 20.10 may lack a container for a moment whose shim was killed while it started. */
  readonly completeLists: boolean;
  /** Environment variables that are not UTF-8. */
  readonly binaryEnvironment: boolean;
}

function abilitiesOf({ release }: AnyRuntime): Abilities {
  const before20 = release === "1.6" || release === "1.7";
  const isShim = isDockerRelease(release);
  return {
    events: release !== "1.6",
    handlers: !before20,
    // Engines mount images from Docker 28 on.
    imageVolumes: !before20 && !isShim,
    webSocketV5: isShim,
    killsOnDisconnect: !before20,
    // The engine runs on while the shim is down.
    exitCodesOfDowntime: release === "1.6" || isShim,
    statsWithoutCgroup: isShim,
    completeLists: release !== "docker-20.10",
    binaryEnvironment: !isShim,
  };
}

/** One runtime under test, and a client whose calls are recorded for the coverage. */
export interface Subject {
  readonly running: RunningRuntimes;
  readonly runtime: AnyRuntime;
  readonly abilities: Abilities;
  readonly cri: Cri;
}

export function openSubject(running: RunningRuntimes, runtime: AnyRuntime, coverage: Coverage): Subject {
  const interceptors = [coverage.interceptor(runtime.name)];
  const cri = connect.lazy(runtime.endpoint, { interceptors });
  return { running, runtime, abilities: abilitiesOf(runtime), cri };
}

/** Returns a sandbox config as a kubelet would write it, below the cgroup of this run. */
export function podConfig({ running }: Subject, name: string) {
  const uid = randomUUID();
  return {
    metadata: { name, uid, namespace: "cri-sdk-test", attempt: 0 },
    logDirectory: `${running.dir}/logs/${uid}`,
    labels: { test: name },
    linux: { cgroupParent: `${running.cgroupParent}/${uid}` },
  };
}

export function containerConfig(subject: Subject, name: string, command: string[]) {
  return {
    metadata: { name, attempt: 0 },
    image: { image: subject.running.images.busybox },
    command,
    logPath: `${name}/0.log`,
    linux: {},
  };
}

export interface Pod extends AsyncDisposable {
  readonly podSandboxId: string;
  readonly sandboxConfig: ReturnType<typeof podConfig>;
  /** Creates a container; starts it unless `start` is false. Returns its id. */
  container(command: string[], start?: boolean): Promise<string>;
}

/** Runs a pod that is stopped and removed at the end of its scope. */
export async function runPod(subject: Subject, name: string): Promise<Pod> {
  const { runtime, image } = subject.cri;
  const sandboxConfig = podConfig(subject, name);
  await image.pullImage({ image: { image: subject.running.images.busybox } });
  const { podSandboxId } = await runtime.runPodSandbox({ config: sandboxConfig });
  let count = 0;
  return {
    podSandboxId,
    sandboxConfig,
    async container(command, start = true) {
      const config = containerConfig(subject, `c${count++}`, command);
      const { containerId } = await runtime.createContainer({ podSandboxId, config, sandboxConfig });
      if (start) await runtime.startContainer({ containerId });
      return containerId;
    },
    async [Symbol.asyncDispose]() {
      // PID 1 of a test container ignores SIGTERM; a grace period of 0 avoids waiting for SIGKILL.
      const containers = await subject.cri.lists.containers({ podSandboxId }).collect();
      await Promise.all(containers.map(({ id }) => runtime.stopContainer({ containerId: id, timeout: 0n })));
      await runtime.stopPodSandbox({ podSandboxId });
      await runtime.removePodSandbox({ podSandboxId });
    },
  };
}

/** Waits until `holds` returns true; throws after ten seconds. */
export async function eventually(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (await holds()) return;
    await pause(50);
  }
  throw new Error(`timed out after 10 s: ${what}`);
}
