// Pods that come and go while their runtime is killed, and a record of what must exist.
import { setTimeout as pause } from "node:timers/promises";
import type { DockerRuntime } from "../../scripts/runtimes/index.js";
import { isCriError } from "../../src/index.js";
import { logSize, rotateLog } from "../../src/kubelet/log-rotation/rotate-log.js";
import { ContainerState, NamespaceMode, PodSandboxState } from "../../src/v1.js";
import { freePort } from "../support/free-port.js";
import type { SeededRandom } from "../support/random.js";
import { until } from "../support/waiting.js";
import { checkNumbers, differenceFromEngine, recordsOf, writerScript } from "./dockershim.logs.js";
import { containerConfig, podConfig, type Subject } from "./support.js";

const { CONTAINER_CREATED, CONTAINER_EXITED } = ContainerState;

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

/**
 * Runs pods side by side as a kubelet does: it repeats calls that may be repeated, and lists before it repeats others. The first pod of each
 * worker is kept, the second one is stopped, and the others are removed.
 */
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
    const random = this.#random;
    const hostNetwork = random.below(6) === 0;
    const base = podConfig(this.#subject, loadName);
    const network = hostNetwork ? NamespaceMode.NODE : NamespaceMode.POD;
    const port = { containerPort: 80, hostPort: await freePort() };
    for (let attempt = 0; ; attempt++) {
      const config = {
        ...base,
        metadata: { ...base.metadata, attempt },
        labels: { ...base.labels, uid: base.metadata.uid },
        portMappings: random.below(2) === 0 && !hostNetwork ? [port] : [],
        linux: { ...base.linux, securityContext: { namespaceOptions: { network } } },
      };
      let id: string | undefined;
      try {
        ({ podSandboxId: id } = await runtime.runPodSandbox({ config }));
        this.#count("pods");
      } catch (error) {
        if (!isDown(error)) throw error;
        id = await this.#findPod(base.metadata.uid);
        this.#count(id ? "pods found" : "pods repeated");
      }
      if (id === undefined) continue;
      const pod = { id, config, hostNetwork, containers: [], stopped: false };
      this.pods.set(id, pod);
      return pod;
    }
  }

  /** Returns the ready pod of a call that has failed, and removes others. */
  async #findPod(uid: string): Promise<string | undefined> {
    const { runtime } = this.#subject.cri;
    const { items } = await persist(() => runtime.listPodSandbox({ filter: { labelSelector: { uid } } }));
    const [ready, ...others] = [
      ...items.filter(({ state }) => state === PodSandboxState.SANDBOX_READY),
      undefined,
      ...items.filter(({ state }) => state !== PodSandboxState.SANDBOX_READY),
    ];
    for (const other of others)
      if (other) await persist(() => runtime.removePodSandbox({ podSandboxId: other.id }));
    return ready?.id;
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

  /** Creates and starts a container; again, with another name, if that fails since the runtime is down. */
  async #container(
    pod: LoadedPod,
    name: string,
    plan: Pick<LoadedContainer, "lines" | "exitCode" | "endless">,
  ): Promise<LoadedContainer> {
    const { runtime } = this.#subject.cri;
    const { id: podSandboxId, config: sandboxConfig } = pod;
    const pid = this.#random.below(2) === 0 ? NamespaceMode.POD : NamespaceMode.CONTAINER;
    for (let attempt = 0; ; attempt++) {
      const script = writerScript(plan.lines, plan.exitCode);
      const config = {
        ...containerConfig(this.#subject, name, ["sh", "-c", script]),
        metadata: { name, attempt },
        logPath: `${name}/${attempt}.log`,
        linux: { securityContext: { namespaceOptions: { pid } } },
      };
      try {
        const { containerId: id } = await runtime.createContainer({ podSandboxId, config, sandboxConfig });
        const logPath = `${sandboxConfig.logDirectory}/${config.logPath}`;
        const container = { id, logPath, ...plan, hasStarted: false };
        pod.containers.push(container);
        container.hasStarted = await this.#start(id);
        this.#count("containers");
        if (container.hasStarted) return container;
      } catch (error) {
        if (!isDown(error)) throw error;
        await pause(100);
      }
      this.#count("containers repeated");
    }
  }

  /** Starts a container; returns false if a call that was cut off has made that impossible. */
  async #start(containerId: string): Promise<boolean> {
    const { runtime } = this.#subject.cri;
    for (;;) {
      try {
        await runtime.startContainer({ containerId });
        return true;
      } catch (error) {
        const isAgain = isCriError(error) && error.reason === "wrong_state";
        if (!isDown(error) && !isAgain) throw error;
        const { status } = await persist(() => runtime.containerStatus({ containerId }));
        if (status?.state !== CONTAINER_CREATED) return status?.reason !== "StartError";
        if (isAgain) throw error;
      }
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
    if (doubled.length > 0) this.problems.push(`${logPath}: doubled: ${doubled.slice(0, 5)}`);
    this.#count("lines missing", missing.length);
    // An engine that is killed loses what it has read from a container and not written yet.
    if (missing.length > 0 && !this.engineEnds)
      this.problems.push(`${logPath}: ${missing.length} lines are missing: ${missing.slice(0, 5)}`);
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

/** Repeats a call while the runtime is down. */
export async function persist<T>(call: () => Promise<T>): Promise<T> {
  const end = performance.now() + 120_000;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!isDown(error) || performance.now() > end) throw error;
    }
    await pause(100);
  }
}

/** Whether a call has failed since the runtime, or the engine behind it, was not there. */
function isDown(error: unknown): boolean {
  return isCriError(error) && error.code === "unavailable";
}
