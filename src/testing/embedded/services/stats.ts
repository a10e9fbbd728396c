// The RPCs about resource usage.
import { create } from "@bufbuild/protobuf";
import {
  type ContainerStats,
  ContainerStatsSchema,
  type PodSandboxStats,
  PodSandboxStatsSchema,
} from "../../../../gen/runtime/v1/api_pb.js";
import { raceAbort } from "../../../core/index.js";
import type { CallContext, RuntimeImplementation } from "../../../server/index.js";
import type { ResourceUsage } from "../driver.js";
import type { Container, Sandbox } from "../objects.js";
import type { RuntimeState } from "../runtime-state.js";
import type { DiskUsages } from "./disk-usage.js";
import { chunks, filterContainers, filterSandboxes } from "./filters.js";
import { Metrics, metricDescriptors } from "./metrics.js";

/** The RPCs about resource usage. Lists contain only running containers and ready pods. */
export function statsService(state: RuntimeState, disk: DiskUsages) {
  const { containers, sandboxes, errors, profile } = state;
  const measurements = new Measurements(state, disk);
  const metrics = new Metrics(state, disk);
  // Only on CRI-O there are grace periods in removals.
  const gracePeriods = ({ signal }: CallContext) => raceAbort(Promise.all(state.gracePeriods), signal);
  const ofContainers = async (
    filter: Parameters<typeof filterContainers>[1],
    call: CallContext,
  ): Promise<ContainerStats[]> => {
    await gracePeriods(call);
    const all = [...filterContainers(state, filter)].map((container) => measurements.container(container));
    return (await Promise.all(all)).filter((stats) => stats !== undefined);
  };
  const ofPods = async (
    filter: Parameters<typeof filterSandboxes>[1],
    call: CallContext,
  ): Promise<PodSandboxStats[]> => {
    await gracePeriods(call);
    const ready = [...filterSandboxes(state, filter)].filter(({ isReady }) => isReady);
    return Promise.all(ready.map((sandbox) => measurements.pod(sandbox)));
  };
  return {
    async containerStats({ containerId }) {
      const container = containers.get(containerId);
      const stats = await measurements.container(container);
      if (stats) return { stats };
      if (profile.statsOfStopped === "empty") return {};
      throw errors.wrongState(`container is in ${container.stateName} state`);
    },
    listContainerStats: async ({ filter }, call) => ({ stats: await ofContainers(filter, call) }),
    async *streamContainerStats({ filter }, call) {
      for (const containerStats of chunks(await ofContainers(filter, call))) yield { containerStats };
    },
    async podSandboxStats({ podSandboxId }) {
      const sandbox = sandboxes.get(podSandboxId);
      if (!sandbox.isReady && profile.statsOfStopped === "refused")
        throw errors.wrongState("sandbox container is not running");
      return { stats: await measurements.pod(sandbox) };
    },
    listPodSandboxStats: async ({ filter }, call) => ({ stats: await ofPods(filter, call) }),
    async *streamPodSandboxStats({ filter }, call) {
      for (const podSandboxStats of chunks(await ofPods(filter, call))) yield { podSandboxStats };
    },
    listMetricDescriptors: () => ({ descriptors: [...metricDescriptors] }),
    async listPodSandboxMetrics(_, call) {
      await gracePeriods(call);
      return { podMetrics: await metrics.ofPods() };
    },
    async *streamPodSandboxMetrics(_, call) {
      await gracePeriods(call);
      for (const chunk of chunks(await metrics.ofPods())) yield { podSandboxMetrics: [...chunk] };
    },
  } satisfies RuntimeImplementation;
}

interface CpuSample {
  readonly at: bigint;
  readonly cpuNanos: bigint;
}

/** Measures containers and pods. A CPU rate is that since the previous measurement of the container. */
class Measurements {
  readonly #state: RuntimeState;
  readonly #disk: DiskUsages;
  readonly #samples = new WeakMap<Container, CpuSample>();

  constructor(state: RuntimeState, disk: DiskUsages) {
    this.#state = state;
    this.#disk = disk;
  }

  /** Measures a container; undefined when it is not running. */
  async container(container: Container): Promise<ContainerStats | undefined> {
    return (await this.#measure(container))?.stats;
  }

  /** Measures a pod: the sum of its containers. */
  async pod(sandbox: Sandbox): Promise<PodSandboxStats> {
    const all = await Promise.all([...sandbox.containers].map((container) => this.#measure(container)));
    const measured = all.filter((one) => one !== undefined);
    const sum = (read: (stats: ContainerStats) => bigint | undefined) =>
      measured.reduce((total, { stats }) => total + (read(stats) ?? 0n), 0n);
    const timestamp = this.#state.clock.now();
    const usage = {
      cpu: {
        timestamp,
        usageCoreNanoSeconds: { value: sum(({ cpu }) => cpu?.usageCoreNanoSeconds?.value) },
        usageNanoCores: { value: sum(({ cpu }) => cpu?.usageNanoCores?.value) },
      },
      memory: memoryOf(
        sum(({ memory }) => memory?.workingSetBytes?.value),
        sandbox.resources?.memoryLimitInBytes,
        timestamp,
      ),
      process: {
        timestamp,
        processCount: { value: BigInt(measured.reduce((total, { processes }) => total + processes, 0)) },
      },
    };
    return create(PodSandboxStatsSchema, {
      attributes: { ...attributesOf(sandbox), labels: sandbox.labels },
      linux: {
        ...(this.#state.profile.podUsage ? usage : {}),
        network: { timestamp, defaultInterface: interfaceOf(sandbox) },
        containers: measured.map(({ stats }) => stats),
      },
    });
  }

  async #measure(container: Container) {
    const usage = container.isRunning ? await this.#state.driver.usage(container.driverContainer) : undefined;
    if (!usage) return undefined;
    const files = await this.#disk.of(container);
    const timestamp = this.#state.clock.now();
    const stats = create(ContainerStatsSchema, {
      attributes: attributesOf(container),
      cpu: this.#cpu(container, usage, timestamp),
      memory: memoryOf(usage.memoryBytes, container.resources?.memoryLimitInBytes, timestamp),
      writableLayer: this.#disk.messageOf(files),
    });
    return { stats, processes: usage.processes };
  }

  #cpu(container: Container, { cpuNanos }: ResourceUsage, timestamp: bigint) {
    const previous = this.#samples.get(container) ?? { at: container.startedAt, cpuNanos: 0n };
    const span = timestamp - previous.at;
    const rate = span > 0n ? ((cpuNanos - previous.cpuNanos) * 1_000_000_000n) / span : 0n;
    this.#samples.set(container, { at: timestamp, cpuNanos });
    return {
      timestamp,
      usageCoreNanoSeconds: { value: cpuNanos },
      usageNanoCores: { value: rate > 0n ? rate : 0n },
    };
  }
}

interface WithMetadata<M> {
  readonly metadata?: M;
  readonly labels: Record<string, string>;
  readonly annotations: Record<string, string>;
}

function attributesOf<M>({ id, config }: { readonly id: string; readonly config: WithMetadata<M> }) {
  const { metadata, labels, annotations } = config;
  return { id, labels, annotations, ...(metadata ? { metadata } : {}) };
}

/** The limit is not enforced, so the usage can exceed it. */
function memoryOf(value: bigint, limit = 0n, timestamp: bigint) {
  return {
    timestamp,
    ...{ workingSetBytes: { value }, usageBytes: { value }, rssBytes: { value } },
    ...(limit > 0n ? { availableBytes: { value: limit > value ? limit - value : 0n } } : {}),
  };
}

/** All pods share the host's loopback interface; only the port-forward traffic of each pod is known. */
function interfaceOf({ traffic }: Sandbox) {
  return {
    name: "lo",
    rxBytes: { value: BigInt(traffic.received) },
    txBytes: { value: BigInt(traffic.sent) },
    rxErrors: { value: 0n },
    txErrors: { value: 0n },
  };
}
