// The RPCs of stats and metrics.
import { criError } from "cri-sdk/server";
import type { ContainerStatsFilter, PodSandboxStatsFilter } from "cri-sdk/v1";
import { type Container, engineTime, type Objects, type Sandbox } from "../objects.js";
import { select } from "../select.js";
import { usesHostNetwork } from "../status.js";
import { Metrics, metricDescriptors } from "./metrics.js";
import { Stats } from "./stats.js";
import type { ReadyPod, RunningContainer } from "./targets.js";
import { Tracker } from "./tracker.js";

export class StatsService {
  readonly #objects: Objects;
  readonly #mountpoint: string;
  readonly #stats: Stats;
  readonly #metrics: Metrics;
  /** What does not change while a container runs: a list of stats then costs one call of the engine. */
  readonly #containers = new Map<string, RunningContainer>();
  readonly #pods = new Map<string, Omit<ReadyPod, "containers">>();

  /** `mountpoint`: the engine's folder, by which ImageFsInfo names its file system. */
  constructor(objects: Objects, mountpoint: string) {
    this.#objects = objects;
    this.#mountpoint = mountpoint;
    const tracker = new Tracker();
    this.#stats = new Stats(tracker);
    this.#metrics = new Metrics(tracker);
  }

  /** Forgets an object that has ended. */
  forget(id: string): void {
    this.#containers.delete(id);
    this.#pods.delete(id);
  }

  async container(id: string, signal: AbortSignal) {
    const container = await this.#objects.runningContainer(id, signal);
    const [stats] = await this.#stats.containers([this.#toRunning(container)]);
    if (!stats) throw criError("object_missing", `container ${id} has just ended`);
    return { stats };
  }

  async containers(filter: ContainerStatsFilter | undefined, signal: AbortSignal) {
    const running = await this.#running(undefined, signal);
    return { stats: await this.#stats.containers(select(running, filter)) };
  }

  async pod(id: string, signal: AbortSignal) {
    const sandbox = await this.#objects.sandbox(id, signal);
    if (!sandbox.details.State.Running) throw criError("wrong_state", `sandbox ${id} is not ready`);
    const containers = await this.#running(sandbox.id, signal);
    const [stats] = await this.#stats.pods([{ ...this.#toPod(sandbox), containers }]);
    if (!stats) throw criError("object_missing", `sandbox ${id} has just ended`);
    return { stats };
  }

  async pods(filter: PodSandboxStatsFilter | undefined, signal: AbortSignal) {
    return { stats: await this.#stats.pods(select(await this.#ready(signal), filter)) };
  }

  descriptors() {
    return { descriptors: metricDescriptors };
  }

  async metrics(signal: AbortSignal) {
    return { podMetrics: await this.#metrics.pods(await this.#ready(signal)) };
  }

  async #ready(signal: AbortSignal): Promise<ReadyPod[]> {
    const [sandboxes, running] = await Promise.all([
      this.#objects.sandboxes(signal),
      this.#running(undefined, signal),
    ]);
    const pods = await Promise.all(
      sandboxes
        .filter(({ summary }) => summary.State === "running")
        .map(
          ({ id }) =>
            this.#pods.get(id) ?? this.#objects.sandbox(id, signal).then((one) => this.#toPod(one), gone),
        ),
    );
    return pods
      .filter((pod) => pod !== undefined)
      .map((pod) => ({ ...pod, containers: running.filter(({ podSandboxId }) => podSandboxId === pod.id) }));
  }

  async #running(sandboxId: string | undefined, signal: AbortSignal) {
    const all = await this.#objects.containers(sandboxId, signal);
    const running = await Promise.all(
      all
        .filter(({ summary }) => summary.State === "running")
        .map(async ({ id, sandboxId: podSandboxId }) => {
          const known =
            this.#containers.get(id) ??
            (await this.#objects.container(id, signal).then((one) => this.#toRunning(one), gone));
          return known && { ...known, podSandboxId };
        }),
    );
    return running.filter((one) => one !== undefined);
  }

  #toRunning({ id, config, details }: Container): RunningContainer {
    const upper = details.GraphDriver.Name === "overlay2" ? details.GraphDriver.Data?.UpperDir : undefined;
    const running = {
      id,
      pid: details.State.Pid,
      metadata: config.metadata ?? { name: "", attempt: 0 },
      labels: config.labels,
      annotations: config.annotations,
      image: config.image?.image ?? "",
      startedAt: engineTime(details.State.StartedAt),
      writableLayer: upper === undefined ? undefined : { path: upper, mountpoint: this.#mountpoint },
    };
    if (details.State.Running) this.#containers.set(id, running);
    return running;
  }

  #toPod(sandbox: Sandbox): Omit<ReadyPod, "containers"> {
    const { id, config, details } = sandbox;
    const pod = {
      id,
      pid: details.State.Pid,
      metadata: config.metadata ?? { name: "", namespace: "", uid: "", attempt: 0 },
      labels: config.labels,
      annotations: config.annotations,
      hostNetwork: usesHostNetwork(sandbox),
    };
    if (details.State.Running) this.#pods.set(id, pod);
    return pod;
  }
}

/** For an object that was removed after the list: it is left out. */
function gone(): undefined {
  return undefined;
}
