// Pods that come and go while their runtime is killed, and a record of what must exist.
import { setTimeout as pause } from "node:timers/promises";
import type { DockerRuntime } from "../../scripts/runtimes/index.js";
import { isCriError } from "../../src/index.js";
import { logSize, rotateLog } from "../../src/kubelet/log-rotation/rotate-log.js";
import { ContainerState, NamespaceMode, PodSandboxState } from "../../src/v1.js";
import { freePort } from "../support/free-port.js";
import type { SeededRandom } from "../support/random.js";
import { until } from "../support/waiting.js";
import { createContainer, isDown, persist, runSandbox, startContainer } from "./dockershim.calls.js";
import { checkNumbers, differenceFromEngine, recordsOf, writerScript } from "./dockershim.logs.js";
import { containerConfig, podConfig, type Subject } from "./support.js";

const { CONTAINER_EXITED } = ContainerState;

/** A container that the runtime has confirmed. */
export interface LoadedContainer {
  readonly id: string;
  readonly logPath: string;
  readonly exitCode: number;
  readonly lines: number;
  /** Whether it runs until it is stopped. */
  readonly endless: boolean;
  hasStarted: boolean;
}

/** A pod that the runtime has confirmed. */
export interface LoadedPod {
  readonly id: string;
  readonly config: ReturnType<typeof podConfig>;
  readonly hostNetwork: boolean;
  readonly containers: LoadedContainer[];
  /** Whether StopPodSandbox has returned. */
  stopped: boolean;
}

export interface LoadOptions {
  readonly random: SeededRandom;
  /** How many pods work at the same time. */
  readonly workers: number;
  /** Whether the engine is killed as well: pods and containers may end, and the engine may lose lines. */
  readonly engineEnds: boolean;
}

/** The label of all pods of a load. */
export const loadName = "load";

/** Runs pods side by side. The first one of each worker is kept, the second one is stopped, and the others are removed. */
export class Load implements AsyncDisposable {
  /** Pods that must exist, by id. */
  readonly pods = new Map<string, LoadedPod>();
  /** The ids of pods whose removal has returned. */
  readonly removed = new Set<string>();
  readonly problems: string[] = [];
  /** What was done how often. */
  readonly counts: Record<string, number> = {};
  readonly engineEnds: boolean;
  readonly #subject: Subject;
  readonly #runtime: DockerRuntime;
  readonly #random: SeededRandom;
  readonly #workers: Promise<unknown>;
  #stopping = false;

  constructor(subject: Subject, runtime: DockerRuntime, options: LoadOptions) {
    this.#subject = subject;
    this.#runtime = runtime;
    this.#random = options.random;
    this.engineEnds = options.engineEnds;
    this.#workers = Promise.all(Array.from({ length: options.workers }, () => this.#work()));
  }

  /** Waits until each worker has finished its pod. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#workers;
  }

  /** Removes the pods that exist. */
  async removeAll(): Promise<void> {
    await Promise.all([...this.pods.values()].map((pod) => this.#remove(pod)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.removeAll();
  }

  /** Stops the containers of a pod, compares their logs with the engine's, and removes the pod. */
  async #remove(pod: LoadedPod): Promise<void> {
    const { runtime } = this.#subject.cri;
    for (const container of pod.containers) {
      await persist(() => runtime.stopContainer({ containerId: container.id, timeout: 10n }));
      if (container.hasStarted) await this.#checkLog(container);
    }
    await persist(() => runtime.removePodSandbox({ podSandboxId: pod.id }));
    this.pods.delete(pod.id);
    this.removed.add(pod.id);
  }

  async #work(): Promise<void> {
    for (let number = 0; number < 2 || !this.#stopping; number++)
      await this.#pod(number).catch((error: unknown) => {
        this.problems.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
      });
  }

  async #pod(number: number): Promise<void> {
    const { runtime } = this.#subject.cri;
    const random = this.#random;
    const pod = await this.#run();
    try {
      const [writer] = await Promise.all([
        this.#writer(pod, number === 0),
        this.#commands(pod, 1 + random.below(3)),
      ]);
      if (number > 0) await this.#untilExit(pod, writer);
    } catch (error) {
      if (!(await this.#hasEnded(pod))) throw error;
      return this.#remove(pod);
    }
    if (number === 0) return;
    if (number === 1 || random.below(2) === 0) {
      await persist(() => runtime.stopPodSandbox({ podSandboxId: pod.id }));
      pod.stopped = true;
    }
    if (number > 1) await this.#remove(pod);
  }

  async #run(): Promise<LoadedPod> {
    const { runtime } = this.#subject.cri;
    const hostNetwork = this.#random.below(6) === 0;
    const base = podConfig(this.#subject, loadName);
    const network = hostNetwork ? NamespaceMode.NODE : NamespaceMode.POD;
    const port = { containerPort: 80, hostPort: await freePort() };
    const config = {
      ...base,
      labels: { ...base.labels, uid: base.metadata.uid },
      portMappings: this.#random.below(2) === 0 && !hostNetwork ? [port] : [],
      linux: { ...base.linux, securityContext: { namespaceOptions: { network } } },
    };
    const { id, attempts, wasFound } = await runSandbox(runtime, (attempt) => ({
      ...config,
      metadata: { ...config.metadata, attempt },
    }));
    this.#count("pods");
    this.#count("pods repeated", attempts - 1);
    if (wasFound) this.#count("pods found");
    const { status } = await persist(() => runtime.podSandboxStatus({ podSandboxId: id }));
    if (!hostNetwork && !status?.network?.ip && !this.engineEnds)
      this.problems.push(`pod ${id} has no address`);
    const pod = { id, config, hostNetwork, containers: [], stopped: false };
    this.pods.set(id, pod);
    return pod;
  }

  /** Starts a container that prints, and rotates its log. */
  async #writer(pod: LoadedPod, endless: boolean): Promise<LoadedContainer> {
    const random = this.#random;
    const lines = endless ? 1_000_000_000 : 100 + random.below(600);
    const exitCode = random.below(90);
    const container = await this.#container(pod, "writer", { lines, exitCode, endless });
    for (let rotations = random.below(4); rotations > 0; rotations--) {
      await pause(100 + random.below(500));
      await this.#rotate(container);
    }
    return container;
  }

  /** Creates and starts a container. */
  async #container(
    pod: LoadedPod,
    name: string,
    plan: Pick<LoadedContainer, "lines" | "exitCode" | "endless">,
  ): Promise<LoadedContainer> {
    const { runtime } = this.#subject.cri;
    const { id: podSandboxId, config: sandboxConfig } = pod;
    const pid = this.#random.below(2) === 0 ? NamespaceMode.POD : NamespaceMode.CONTAINER;
    const config = containerConfig(this.#subject, name, [
      "sh",
      "-c",
      writerScript(plan.lines, plan.exitCode),
    ]);
    const request = (attempt: number) => ({
      podSandboxId,
      sandboxConfig,
      config: {
        ...config,
        metadata: { name, attempt },
        logPath: `${name}/${attempt}.log`,
        linux: { securityContext: { namespaceOptions: { pid } } },
      },
    });
    for (let firstAttempt = 0; ; ) {
      const { id, attempt } = await createContainer(runtime, request, firstAttempt);
      const logPath = `${sandboxConfig.logDirectory}/${name}/${attempt}.log`;
      const container = { id, logPath, ...plan, hasStarted: false };
      pod.containers.push(container);
      container.hasStarted = await startContainer(runtime, id);
      this.#count("containers");
      this.#count("containers repeated", attempt - firstAttempt);
      if (container.hasStarted) return container;
      firstAttempt = attempt + 1;
    }
  }

  async #rotate({ id: containerId, logPath }: LoadedContainer): Promise<void> {
    const { runtime } = this.#subject.cri;
    const reopen = async () => void (await runtime.reopenContainerLog({ containerId }));
    try {
      if ((await logSize(logPath)) === undefined) await reopen();
      else await rotateLog(logPath, { maxFiles: 1_000, time: new Date(), reopen });
      this.#count("rotations");
    } catch (error) {
      const hasExited = isCriError(error) && error.reason === "wrong_state";
      if (!isDown(error) && !hasExited) throw error;
      this.#count("rotations that failed");
    }
  }

  /** Runs commands in a container of their own, and connects to a port of the pod. */
  async #commands(pod: LoadedPod, count: number): Promise<void> {
    const { cri } = this.#subject;
    const { id: containerId } = await this.#container(pod, "sleeper", {
      ...{ lines: 1_000_000_000, exitCode: 0, endless: true },
    });
    for (let left = count; left > 0; left--) {
      try {
        const cmd = ["sh", "-c", `echo ${left}; sleep 0.2; exit ${left}`];
        const { stdout, exitCode } = await cri.runtime.execSync({ containerId, cmd, timeout: 60n });
        const found = `${Buffer.from(stdout)}${exitCode}`;
        const wasKilled = this.engineEnds && exitCode === 137;
        if (found !== `${left}\n${left}` && !wasKilled)
          this.problems.push(`ExecSync returned ${JSON.stringify(found)}`);
        this.#count("commands");
        await using ports = cri.portForward(pod.id);
        await ports.connect(81).catch((error: unknown) => {
          if (!isCriError(error)) throw error;
        });
      } catch (error) {
        if (!isDown(error)) throw error;
        this.#count("commands that failed");
      }
    }
  }

  async #untilExit(pod: LoadedPod, container: LoadedContainer): Promise<void> {
    const { runtime } = this.#subject.cri;
    const exited = async () => {
      const { status } = await persist(() => runtime.containerStatus({ containerId: container.id }));
      if (status?.state !== CONTAINER_EXITED) return false;
      if (status.exitCode !== container.exitCode && !(await this.#hasEnded(pod)))
        this.problems.push(
          `exit code ${status.exitCode} instead of ${container.exitCode}: ${status.message}`,
        );
      return true;
    };
    await until(exited, `the exit of ${container.id}`, 180_000);
    await this.#checkLog(container);
  }

  /** Compares the log of a container that has exited with the engine's, and with what it has printed. */
  async #checkLog({ id, logPath, lines, exitCode, endless }: LoadedContainer): Promise<void> {
    const { status } = await persist(() => this.#subject.cri.runtime.containerStatus({ containerId: id }));
    const isWhole = !endless && status?.exitCode === exitCode;
    this.problems.push(...(await differenceFromEngine(this.#runtime, id, logPath)));
    const { doubled, missing } = checkNumbers(await recordsOf(logPath), isWhole ? lines : undefined);
    this.#count("lines doubled", doubled.length);
    this.#count("lines missing", missing.length);
    // An engine that is killed loses what it has read and not written, and forgets that it has started a container.
    if (doubled.length + missing.length > 0 && !this.engineEnds)
      this.problems.push(`${logPath}: doubled: ${doubled.slice(0, 5)}; missing: ${missing.slice(0, 5)}`);
    this.#count("logs");
  }

  /** Whether the engine has ended a pod, which it does unless its containers survive restarts. */
  async #hasEnded({ id: podSandboxId }: LoadedPod): Promise<boolean> {
    if (!this.engineEnds) return false;
    const { runtime } = this.#subject.cri;
    const isNotReady = async () => {
      const { status } = await persist(() => runtime.podSandboxStatus({ podSandboxId }));
      return status?.state === PodSandboxState.SANDBOX_NOTREADY;
    };
    return until(isNotReady, "the end of the pod", 20_000).then(
      () => true,
      () => false,
    );
  }

  #count(what: string, by = 1): void {
    this.counts[what] = (this.counts[what] ?? 0) + by;
  }
}
