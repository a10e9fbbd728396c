import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { ContainerdRuntime, RunningRuntimes } from "../../scripts/runtimes/index.js";
import { type Cri, type CriError, type CriErrorReason, connect, isCriError } from "../../src/index.js";
import type { Coverage } from "./coverage.js";

/** One runtime under test, and a client of it whose calls are counted. */
export interface Subject {
  readonly running: RunningRuntimes;
  readonly runtime: ContainerdRuntime;
  readonly cri: Cri;
}

export function openSubject(
  running: RunningRuntimes,
  runtime: ContainerdRuntime,
  coverage: Coverage,
): Subject {
  const interceptors = [coverage.interceptor(runtime.name)];
  return { running, runtime, cri: connect.lazy(runtime.endpoint, { interceptors }) };
}

/** A sandbox config as a kubelet would write it, on a cgroup of this run's own. */
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
  /** Creates a container; starts it unless told not to. */
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
      // PID 1 of a test container hears no SIGTERM, and nobody here wants to wait for the kill.
      const containers = await subject.cri.lists.containers({ podSandboxId }).collect();
      await Promise.all(containers.map(({ id }) => runtime.stopContainer({ containerId: id, timeout: 0n })));
      await runtime.stopPodSandbox({ podSandboxId });
      await runtime.removePodSandbox({ podSandboxId });
    },
  };
}

/** The typed error that a call must fail with. */
export async function failure(call: Promise<unknown>, reason: CriErrorReason): Promise<CriError> {
  try {
    await call;
  } catch (error) {
    if (!isCriError(error)) throw error;
    if (error.reason === reason) return error;
    throw new Error(`expected the reason ${reason}, got: ${error.message}`, { cause: error });
  }
  throw new Error(`expected the reason ${reason}, but the call succeeded`);
}

/** Waits until `holds`, ten seconds at most. */
export async function eventually(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (await holds()) return;
    await pause(50);
  }
  throw new Error(`within 10 s it did not happen that ${what}`);
}
