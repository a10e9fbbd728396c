import type * as cri from "../../gen/runtime/v1/api_pb.js";
import { checkArgument, kubernetesLabels, nanosToDate, option, withJson } from "../core/index.js";
import type {
  ContainerOrigin,
  ContainerUsage,
  CpuStats,
  InterfaceStats,
  MemoryStats,
  NetworkStats,
  PodUsage,
  PressureShare,
  ResourcePressure,
  SwapStats,
  WritableLayerUsage,
} from "./usage.js";

const containerCheck = option.messageOf("runtime.v1.ContainerStats", "runtime.v1.WindowsContainerStats");
const podCheck = option.messageOf("runtime.v1.PodSandboxStats");

/**
 * Converts CRI's ContainerStats. That message has no reference to the pod: pass it as `origin`; without it, the pod's name, namespace
 * and uid are read from the kubelet's labels, and are "" if these are missing.
 */
export function containerUsage(
  message: cri.ContainerStats | cri.WindowsContainerStats,
  origin?: ContainerOrigin | undefined,
): ContainerUsage {
  checkArgument("containerUsage", "message", message, containerCheck);
  const { id = "", metadata, labels = {} } = message.attributes ?? {};
  const cpu = message.cpu && cpuUsage(message.cpu);
  const memory = message.memory && memoryUsage(message.memory);
  const writableLayer = message.writableLayer && writableLayerUsage(message.writableLayer);
  const linux = message.$typeName === "runtime.v1.ContainerStats" ? message : undefined;
  const swap = linux?.swap && swapUsage(linux.swap);
  return Object.freeze(
    withJson({
      id,
      name: metadata?.name ?? "",
      attempt: metadata?.attempt ?? 0,
      podId: origin?.podId,
      ...podNames(origin, labels),
      labels,
      createdAt: origin?.createdAt,
      at: cpu?.at ?? memory?.at ?? swap?.at ?? writableLayer?.at,
      cpu,
      memory,
      swap,
      writableLayer,
      ioPsi: pressure(linux?.io?.psi),
      message,
    }),
  );
}

/** Returns the pod's names from the origin, otherwise from the kubelet's labels, otherwise "". */
export function podNames(
  origin: ContainerOrigin | undefined,
  labels: Readonly<Record<string, string>>,
): Pick<ContainerOrigin, "podName" | "podNamespace" | "podUid"> {
  return {
    podName: origin?.podName ?? labels[kubernetesLabels.podName] ?? "",
    podNamespace: origin?.podNamespace ?? labels[kubernetesLabels.podNamespace] ?? "",
    podUid: origin?.podUid ?? labels[kubernetesLabels.podUid] ?? "",
  };
}

/**
 * Converts CRI's PodSandboxStats. Where the runtime reports no CPU or memory of a pod, as CRI-O with cgroupfs, these are the sums of its
 * running containers.
 */
export function podUsage(message: cri.PodSandboxStats): PodUsage {
  checkArgument("podUsage", "message", message, podCheck);
  const { id = "", metadata, labels = {} } = message.attributes ?? {};
  const { name = "", namespace = "", uid = "", attempt = 0 } = metadata ?? {};
  const origin = { podId: id, podName: name, podNamespace: namespace, podUid: uid, createdAt: undefined };
  const stats = message.linux ?? message.windows;
  const containers = (stats?.containers ?? []).map((container) => containerUsage(container, origin));
  const cpu = stats?.cpu ? cpuUsage(stats.cpu) : sumOfCpu(containers);
  const memory = stats?.memory ? memoryUsage(stats.memory) : sumOfMemory(containers);
  const network = stats?.network && networkUsage(stats.network);
  return Object.freeze(
    withJson({
      ...{ id, name, namespace, uid, attempt, labels },
      at: cpu?.at ?? memory?.at ?? network?.at,
      cpu,
      memory,
      network,
      processCount: stats?.process?.processCount?.value,
      ioPsi: pressure(message.linux?.io?.psi),
      containers,
      message,
    }),
  );
}

/** Sums up the CPU usage of the running containers; undefined when there is none. */
function sumOfCpu(containers: readonly ContainerUsage[]): CpuStats | undefined {
  const all = containers.map(({ cpu }) => cpu).filter((cpu) => cpu !== undefined);
  const last = latest(all);
  if (!last) return undefined;
  const usageNanos = sum(all.map((cpu) => cpu.usageNanos));
  const cores = all.map((cpu) => cpu.cores);
  return Object.freeze(
    withJson({
      at: last.at,
      atNanos: last.atNanos,
      usageNanos,
      usageSeconds: usageNanos === undefined ? undefined : nanosToSeconds(usageNanos),
      cores: cores.includes(undefined)
        ? undefined
        : cores.reduce<number>((total, one) => total + (one ?? 0), 0),
      psi: undefined,
    }),
  );
}

/** Sums up the memory usage of the running containers; undefined when there is none. */
function sumOfMemory(containers: readonly ContainerUsage[]): MemoryStats | undefined {
  const all = containers.map(({ memory }) => memory).filter((memory) => memory !== undefined);
  const last = latest(all);
  if (!last) return undefined;
  return Object.freeze(
    withJson({
      at: last.at,
      atNanos: last.atNanos,
      workingSetBytes: sum(all.map((memory) => memory.workingSetBytes)),
      usageBytes: sum(all.map((memory) => memory.usageBytes)),
      rssBytes: sum(all.map((memory) => memory.rssBytes)),
      availableBytes: undefined,
      pageFaults: sum(all.map((memory) => memory.pageFaults)),
      majorPageFaults: sum(all.map((memory) => memory.majorPageFaults)),
      committedBytes: sum(all.map((memory) => memory.committedBytes)),
      psi: undefined,
    }),
  );
}

function latest<T extends { readonly atNanos: bigint }>(readings: readonly T[]): T | undefined {
  return readings.reduce<T | undefined>(
    (last, one) => (last && last.atNanos >= one.atNanos ? last : one),
    undefined,
  );
}

/** Returns the sum; undefined when any value is missing. */
function sum(values: readonly (bigint | undefined)[]): bigint | undefined {
  return values.reduce<bigint | undefined>(
    (total, value) => (total === undefined || value === undefined ? undefined : total + value),
    0n,
  );
}

/** Returns the time of a reading. */
const timeOf = ({ timestamp }: { readonly timestamp: bigint }) => ({
  at: nanosToDate(timestamp),
  atNanos: timestamp,
});

/** Converts nanoseconds to seconds. */
export function nanosToSeconds(nanos: bigint): number {
  return Number(nanos) / 1e9;
}

function cpuUsage(cpu: cri.CpuUsage | cri.WindowsCpuUsage): CpuStats {
  const usageNanos = cpu.usageCoreNanoSeconds?.value;
  const nanoCores = cpu.usageNanoCores?.value;
  return Object.freeze(
    withJson({
      ...timeOf(cpu),
      usageNanos,
      usageSeconds: usageNanos === undefined ? undefined : nanosToSeconds(usageNanos),
      cores: nanoCores ? nanosToSeconds(nanoCores) : undefined,
      psi: "psi" in cpu ? pressure(cpu.psi) : undefined,
    }),
  );
}

function memoryUsage(memory: cri.MemoryUsage | cri.WindowsMemoryUsage): MemoryStats {
  const common = {
    ...timeOf(memory),
    workingSetBytes: memory.workingSetBytes?.value,
    availableBytes: limited(memory.availableBytes?.value) || undefined,
    pageFaults: memory.pageFaults?.value,
  };
  if (memory.$typeName === "runtime.v1.WindowsMemoryUsage")
    return Object.freeze(
      withJson({
        ...common,
        usageBytes: undefined,
        rssBytes: undefined,
        majorPageFaults: undefined,
        committedBytes: memory.commitMemoryBytes?.value,
        psi: undefined,
      }),
    );
  return Object.freeze(
    withJson({
      ...common,
      usageBytes: memory.usageBytes?.value,
      rssBytes: memory.rssBytes?.value,
      majorPageFaults: memory.majorPageFaults?.value,
      committedBytes: undefined,
      psi: pressure(memory.psi),
    }),
  );
}

/** Larger numbers mean no limit: without one, the kernel reports its largest number, from which runtimes subtract the usage. */
export const unlimitedBytes = 1n << 62n;

function limited(bytes: bigint | undefined): bigint | undefined {
  return bytes !== undefined && bytes < unlimitedBytes ? bytes : undefined;
}

function swapUsage(swap: cri.SwapUsage): SwapStats {
  return Object.freeze(
    withJson({
      ...timeOf(swap),
      usageBytes: swap.swapUsageBytes?.value,
      availableBytes: swap.swapAvailableBytes?.value,
    }),
  );
}

/** Returns undefined until the first measurement: containerd reports 0 bytes at time 0 until then. */
function writableLayerUsage(
  layer: cri.FilesystemUsage | cri.WindowsFilesystemUsage,
): WritableLayerUsage | undefined {
  if (layer.timestamp === 0n) return undefined;
  return Object.freeze(
    withJson({
      ...timeOf(layer),
      mountpoint: layer.fsId?.mountpoint ?? "",
      usedBytes: layer.usedBytes?.value,
      inodesUsed: "inodesUsed" in layer ? layer.inodesUsed?.value : undefined,
    }),
  );
}

/** The name of the loopback interface on Linux. */
export const loopback = "lo";

function networkUsage(network: cri.NetworkUsage | cri.WindowsNetworkUsage): NetworkStats {
  const { defaultInterface, interfaces } = network;
  const all = [...(defaultInterface ? [defaultInterface] : []), ...interfaces].map(interfaceUsage);
  // CRI-O reports the loopback interface as the default one.
  const isLoopback = ({ name }: InterfaceStats) => name === loopback;
  return Object.freeze(
    withJson({
      ...timeOf(network),
      interfaces: [...all.filter((one) => !isLoopback(one)), ...all.filter(isLoopback)],
    }),
  );
}

function interfaceUsage(one: cri.NetworkInterfaceUsage | cri.WindowsNetworkInterfaceUsage): InterfaceStats {
  const common = { name: one.name, rxBytes: one.rxBytes?.value, txBytes: one.txBytes?.value };
  const isWindows = one.$typeName === "runtime.v1.WindowsNetworkInterfaceUsage";
  return Object.freeze(
    withJson({
      ...common,
      rxErrors: isWindows ? undefined : one.rxErrors?.value,
      txErrors: isWindows ? undefined : one.txErrors?.value,
      rxDroppedPackets: isWindows ? one.rxPacketsDropped?.value : undefined,
      txDroppedPackets: isWindows ? one.txPacketsDropped?.value : undefined,
    }),
  );
}

function pressure(psi: cri.PsiStats | undefined): ResourcePressure | undefined {
  return psi && Object.freeze(withJson({ some: pressureShare(psi.Some), full: pressureShare(psi.Full) }));
}

function pressureShare(data: cri.PsiData | undefined): PressureShare | undefined {
  return (
    data &&
    Object.freeze(
      withJson({
        total: data.Total,
        avg10Percent: data.Avg10,
        avg60Percent: data.Avg60,
        avg300Percent: data.Avg300,
      }),
    )
  );
}
