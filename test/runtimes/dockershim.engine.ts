// Ends of a Docker Engine in front of which a dockershim goes on.
import assert from "node:assert/strict";
import type { DockerRuntime } from "../../scripts/runtimes/index.js";
import { ContainerEventType, ContainerState, PodSandboxState } from "../../src/v1.js";
import { failure } from "../support/failure.js";
import { until } from "../support/waiting.js";
import { persist } from "./dockershim.calls.js";
import { checkNumbers, differenceFromEngine, recordsOf, writerScript } from "./dockershim.logs.js";
import { type Pod, runPod, type Subject } from "./support.js";

/** How the engine ends, and how it is started again: with or without live restore, by which containers survive. */
const ways = [
  { how: "kill", liveRestore: true },
  { how: "stop", liveRestore: true },
  { how: "kill", liveRestore: false },
  { how: "stop", liveRestore: true },
] as const;

export class EngineEnds implements AsyncDisposable {
  readonly #subject: Subject;
  readonly #runtime: DockerRuntime;
  /** The types of the events of each object. One stream has them all: the shim does not end. */
  readonly #events = new Map<string, ContainerEventType[]>();
  readonly #leave = new AbortController();
  readonly #reading: Promise<void>;
  #streamHasEnded = false;
  #liveRestore = false;

  constructor(subject: Subject, runtime: DockerRuntime) {
    this.#subject = subject;
    this.#runtime = runtime;
    this.#reading = this.#read();
  }

  /** Ends the engine and starts it again, in the way whose turn it is, beside a pod that must survive, or that must be seen to end. */
  async round(number: number): Promise<string> {
    const { how, liveRestore } = ways[number % ways.length] ?? ways[0];
    const { cri } = this.#subject;
    const { engine } = this.#runtime;
    await using pod = await runPod(this.#subject, "steady");
    const containerId = await pod.container(["sh", "-c", writerScript(1_000_000_000, 0)]);
    const before = await this.#mainProcess(containerId);
    const survives = how === "kill" ? liveRestore : this.#liveRestore;
    const text = `round ${number}: ${how}, then ${liveRestore ? "with" : "without"} live restore`;

    await engine[how]();
    try {
      await this.#checkUnavailable(pod, containerId);
    } finally {
      this.#liveRestore = liveRestore;
      // An engine that has to stop what it has half-started may take longer than a start may.
      await engine.start({ liveRestore }).catch(() => engine.start({ liveRestore }));
    }
    await until(() => this.#isReady(), "the engine is ready again", 60_000);

    const stopped = (id: string) =>
      this.#events.get(id)?.includes(ContainerEventType.CONTAINER_STOPPED_EVENT) === true;
    if (survives) {
      assert.equal(await this.#mainProcess(containerId), before, text);
      const { stdout } = await cri.runtime.execSync({ containerId, cmd: ["echo", "alive"], timeout: 60n });
      assert.equal(Buffer.from(stdout).toString(), "alive\n");
      assert.ok(!stopped(containerId) && !stopped(pod.podSandboxId), text);
    } else {
      await until(
        () => stopped(containerId) && stopped(pod.podSandboxId),
        `events of the end; ${text}`,
        60_000,
      );
      const { status } = await cri.runtime.containerStatus({ containerId });
      assert.equal(status?.state, ContainerState.CONTAINER_EXITED, text);
      const { status: sandbox } = await cri.runtime.podSandboxStatus({ podSandboxId: pod.podSandboxId });
      assert.equal(sandbox?.state, PodSandboxState.SANDBOX_NOTREADY, text);
    }
    await cri.runtime.stopContainer({ containerId, timeout: 10n });
    const logPath = `${pod.sandboxConfig.logDirectory}/c0/0.log`;
    assert.deepEqual(await differenceFromEngine(this.#runtime, containerId, logPath), [], text);
    const { doubled, missing } = checkNumbers(await recordsOf(logPath));
    assert.deepEqual(doubled, []);
    assert.ok(!this.#streamHasEnded, "the event stream goes on");
    return `${text}; ${missing.length} lines missing`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leave.abort();
    await this.#reading;
    await this.#runtime.engine.start();
  }

  async #read(): Promise<void> {
    try {
      const { signal } = this.#leave;
      for await (const event of this.#subject.cri.runtime.getContainerEvents({}, { signal })) {
        const { containerId, containerEventType } = event;
        this.#events.set(containerId, [...(this.#events.get(containerId) ?? []), containerEventType]);
      }
    } catch {
      // The next round fails, since the stream has ended.
    }
    this.#streamHasEnded = true;
  }

  async #isReady(): Promise<boolean> {
    const { status } = await this.#subject.cri.runtime.status();
    return status?.conditions.every((condition) => condition.status) === true;
  }

  /** Returns the pid of a running container's main process. */
  async #mainProcess(containerId: string): Promise<number> {
    const { runtime } = this.#subject.cri;
    const { status, info } = await persist(() => runtime.containerStatus({ containerId, verbose: true }));
    assert.equal(status?.state, ContainerState.CONTAINER_RUNNING);
    return (JSON.parse(info.info ?? "{}") as { readonly pid: number }).pid;
  }

  /** Checks that calls fail soon and as unavailable while the engine is down, and that Status reports it. */
  async #checkUnavailable({ podSandboxId, sandboxConfig }: Pod, containerId: string): Promise<void> {
    const { runtime, image } = this.#subject.cri;
    const name = { image: this.#subject.running.images.busybox };
    const config = { metadata: { name: "a" }, image: name };
    const metadata = { ...sandboxConfig.metadata, attempt: 1 };
    const calls = {
      runPodSandbox: runtime.runPodSandbox({ config: { ...sandboxConfig, metadata } }),
      stopPodSandbox: runtime.stopPodSandbox({ podSandboxId }),
      removePodSandbox: runtime.removePodSandbox({ podSandboxId }),
      podSandboxStatus: runtime.podSandboxStatus({ podSandboxId }),
      listPodSandbox: runtime.listPodSandbox(),
      createContainer: runtime.createContainer({ podSandboxId, config, sandboxConfig }),
      startContainer: runtime.startContainer({ containerId }),
      stopContainer: runtime.stopContainer({ containerId }),
      removeContainer: runtime.removeContainer({ containerId }),
      listContainers: runtime.listContainers(),
      containerStatus: runtime.containerStatus({ containerId }),
      updateContainerResources: runtime.updateContainerResources({ containerId, linux: { cpuShares: 2n } }),
      reopenContainerLog: runtime.reopenContainerLog({ containerId }),
      execSync: runtime.execSync({ containerId, cmd: ["true"] }),
      exec: runtime.exec({ containerId, cmd: ["true"], stdout: true }),
      attach: runtime.attach({ containerId, stdout: true }),
      portForward: runtime.portForward({ podSandboxId, port: [80] }),
      containerStats: runtime.containerStats({ containerId }),
      listContainerStats: runtime.listContainerStats(),
      podSandboxStats: runtime.podSandboxStats({ podSandboxId }),
      listPodSandboxStats: runtime.listPodSandboxStats(),
      listPodSandboxMetrics: runtime.listPodSandboxMetrics(),
      runtimeConfig: runtime.runtimeConfig(),
      listImages: image.listImages(),
      imageStatus: image.imageStatus({ image: name }),
      pullImage: image.pullImage({ image: name }),
      removeImage: image.removeImage({ image: name }),
      imageFsInfo: image.imageFsInfo(),
    };
    const failures = await Promise.all(
      Object.entries(calls).map(async ([rpc, call]) => `${rpc}: ${(await failure(call)).code}`),
    );
    assert.deepEqual(
      failures,
      Object.keys(calls).map((rpc) => `${rpc}: unavailable`),
    );
    const { status } = await runtime.status();
    const ready = status?.conditions.find(({ type }) => type === "RuntimeReady");
    assert.deepEqual([ready?.status, ready?.reason], [false, "DockerDaemonNotReady"]);
    await runtime.updateRuntimeConfig({});
  }
}
