import type * as cri from "../../gen/runtime/v1/api_pb.js";
import { nanosToDate } from "../core/index.js";
import type {
  CpuUsage,
  InterfaceUsage,
  MemoryUsage,
  NetworkUsage,
  Pressure,
  PressureShare,
  SwapUsage,
  WritableLayerUsage,
} from "./usage.js";

/** When figures were read. */
const read = ({ timestamp }: { readonly timestamp: bigint }) => ({
  at: nanosToDate(timestamp),
  atNanos: timestamp,
});

/** Nanoseconds as seconds. */
export function nanosToSeconds(nanos: bigint): number {
  return Number(nanos) / 1e9;
}

export function cpuUsage(cpu: cri.CpuUsage | cri.WindowsCpuUsage): CpuUsage {
  const usageNanos = cpu.usageCoreNanoSeconds?.value;
  const nanoCores = cpu.usageNanoCores?.value;
  return Object.freeze({
    ...read(cpu),
    usageNanos,
    usageSeconds: usageNanos === undefined ? undefined : nanosToSeconds(usageNanos),
    cores: nanoCores ? nanosToSeconds(nanoCores) : undefined,
    psi: "psi" in cpu ? pressure(cpu.psi) : undefined,
  });
}

export function memoryUsage(memory: cri.MemoryUsage | cri.WindowsMemoryUsage): MemoryUsage {
  const common = {
    ...read(memory),
    workingSetBytes: memory.workingSetBytes?.value,
    availableBytes: memory.availableBytes?.value || undefined,
    pageFaults: memory.pageFaults?.value,
  };
  if (memory.$typeName === "runtime.v1.WindowsMemoryUsage")
    return Object.freeze({
      ...common,
      usageBytes: undefined,
      rssBytes: undefined,
      majorPageFaults: undefined,
      committedBytes: memory.commitMemoryBytes?.value,
      psi: undefined,
    });
  return Object.freeze({
    ...common,
    usageBytes: memory.usageBytes?.value,
    rssBytes: memory.rssBytes?.value,
    majorPageFaults: memory.majorPageFaults?.value,
    committedBytes: undefined,
    psi: pressure(memory.psi),
  });
}

export function swapUsage(swap: cri.SwapUsage): SwapUsage {
  return Object.freeze({
    ...read(swap),
    usageBytes: swap.swapUsageBytes?.value,
    availableBytes: swap.swapAvailableBytes?.value,
  });
}

/** Undefined while the runtime has not counted: containerd says 0 bytes, read at 0, then. */
export function writableLayerUsage(
  layer: cri.FilesystemUsage | cri.WindowsFilesystemUsage,
): WritableLayerUsage | undefined {
  if (layer.timestamp === 0n) return undefined;
  return Object.freeze({
    ...read(layer),
    mountpoint: layer.fsId?.mountpoint ?? "",
    usedBytes: layer.usedBytes?.value,
    inodesUsed: "inodesUsed" in layer ? layer.inodesUsed?.value : undefined,
  });
}

export function networkUsage(network: cri.NetworkUsage | cri.WindowsNetworkUsage): NetworkUsage {
  const { defaultInterface, interfaces } = network;
  return Object.freeze({
    ...read(network),
    interfaces: [...(defaultInterface ? [defaultInterface] : []), ...interfaces].map(interfaceUsage),
  });
}

function interfaceUsage(one: cri.NetworkInterfaceUsage | cri.WindowsNetworkInterfaceUsage): InterfaceUsage {
  const common = { name: one.name, rxBytes: one.rxBytes?.value, txBytes: one.txBytes?.value };
  const windows = one.$typeName === "runtime.v1.WindowsNetworkInterfaceUsage";
  return Object.freeze({
    ...common,
    rxErrors: windows ? undefined : one.rxErrors?.value,
    txErrors: windows ? undefined : one.txErrors?.value,
    rxDroppedPackets: windows ? one.rxPacketsDropped?.value : undefined,
    txDroppedPackets: windows ? one.txPacketsDropped?.value : undefined,
  });
}

export function pressure(psi: cri.PsiStats | undefined): Pressure | undefined {
  return psi && Object.freeze({ some: share(psi.Some), full: share(psi.Full) });
}

function share(data: cri.PsiData | undefined): PressureShare | undefined {
  return (
    data &&
    Object.freeze({
      total: data.Total,
      avg10Percent: data.Avg10,
      avg60Percent: data.Avg60,
      avg300Percent: data.Avg300,
    })
  );
}
