import { create } from "@bufbuild/protobuf";
import {
  type ContainerStats,
  ContainerStatsSchema,
  type PodSandboxStats,
  PodSandboxStatsSchema,
} from "../../../gen/runtime/v1/api_pb.js";
import type { ResourceUsage } from "./driver.js";
import type { Machine } from "./machine.js";
import type { Container } from "./objects/container.js";
import type { Sandbox } from "./objects/sandbox.js";

interface Sample {
  readonly at: bigint;
  readonly cpuNanos: bigint;
}

/** What containers and pods use, and how fast: the rate is that since the sample before. */
export class Usage {
  readonly #machine: Machine;
  readonly #samples = new WeakMap<Container, Sample>();

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** Undefined for a container that does not run. */
  async container(container: Container): Promise<ContainerStats | undefined> {
    return (await this.#measure(container))?.stats;
  }

  /** The sum of a pod's containers. */
  async pod(sandbox: Sandbox): Promise<PodSandboxStats> {
    const all = await Promise.all([...sandbox.containers].map((container) => this.#measure(container)));
    const measured = all.filter((one) => one !== undefined);
    const sum = (read: (stats: ContainerStats) => bigint | undefined) =>
      measured.reduce((total, { stats }) => total + (read(stats) ?? 0n), 0n);
    const timestamp = this.#machine.clock.now();
    const { metadata, labels, annotations } = sandbox.config;
    return create(PodSandboxStatsSchema, {
      attributes: { id: sandbox.id, labels, annotations, ...(metadata ? { metadata } : {}) },
      linux: {
        cpu: {
          timestamp,
          usageCoreNanoSeconds: { value: sum(({ cpu }) => cpu?.usageCoreNanoSeconds?.value) },
          usageNanoCores: { value: sum(({ cpu }) => cpu?.usageNanoCores?.value) },
        },
        memory: memoryOf(
          sum(({ memory }) => memory?.workingSetBytes?.value),
          timestamp,
        ),
        network: { timestamp, defaultInterface: interfaceOf(sandbox) },
        process: {
          timestamp,
          processCount: { value: BigInt(measured.reduce((total, { processes }) => total + processes, 0)) },
        },
        containers: measured.map(({ stats }) => stats),
      },
    });
  }

  async #measure(container: Container) {
    const usage = container.running ? await this.#machine.driver.usage(container.place) : undefined;
    if (!usage) return undefined;
    const timestamp = this.#machine.clock.now();
    const stats = create(ContainerStatsSchema, {
      attributes: attributesOf(container),
      cpu: this.#cpu(container, usage, timestamp),
      memory: memoryOf(usage.memoryBytes, timestamp),
      writableLayer: {
        timestamp,
        fsId: { mountpoint: "/" },
        usedBytes: { value: 0n },
        inodesUsed: { value: 0n },
      },
    });
    return { stats, processes: usage.processes };
  }

  #cpu(container: Container, { cpuNanos }: ResourceUsage, timestamp: bigint) {
    const before = this.#samples.get(container) ?? { at: container.startedAt, cpuNanos: 0n };
    const span = timestamp - before.at;
    const rate = span > 0n ? ((cpuNanos - before.cpuNanos) * 1_000_000_000n) / span : 0n;
    this.#samples.set(container, { at: timestamp, cpuNanos });
    return {
      timestamp,
      usageCoreNanoSeconds: { value: cpuNanos },
      usageNanoCores: { value: rate > 0n ? rate : 0n },
    };
  }
}

function attributesOf({ id, config }: Container) {
  const { metadata, labels, annotations } = config;
  return { id, labels, annotations, ...(metadata ? { metadata } : {}) };
}

function memoryOf(value: bigint, timestamp: bigint) {
  return { timestamp, workingSetBytes: { value }, usageBytes: { value }, rssBytes: { value } };
}

/** The loopback interface is all of this host's; what is known of a pod's share is what came by port-forward. */
function interfaceOf({ traffic }: Sandbox) {
  return {
    name: "lo",
    rxBytes: { value: BigInt(traffic.there) },
    txBytes: { value: BigInt(traffic.back) },
    rxErrors: { value: 0n },
    txErrors: { value: 0n },
  };
}
