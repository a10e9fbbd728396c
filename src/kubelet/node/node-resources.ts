import type { Resources } from "../../kubernetes/index.js";
import { ParsedQuantity, parseQuantity } from "../../pods/index.js";
import type { EvictionSignal, Thresholds } from "../eviction/index.js";
import type { HostResources } from "./host-info.js";

/** Amounts by the name of a resource, as a Node has them. */
export type NodeAmounts = Readonly<Record<string, string>>;

/** What the capacity of a node results from. */
export interface CapacityInput extends HostResources {
  readonly memoryBytes: bigint;
  readonly maxPods: number;
  /** Resources that replace those of the machine, or are added to them. */
  readonly capacity: Resources;
}

/** Returns `status.capacity`. */
export function nodeCapacity({
  cpus,
  memoryBytes,
  fileSystemBytes,
  hugePages,
  maxPods,
  capacity,
}: CapacityInput): NodeAmounts {
  const read: [string, ParsedQuantity][] = [
    ["cpu", parseQuantity(cpus)],
    ["memory", bytesOf(memoryBytes)],
    ...(fileSystemBytes === undefined
      ? []
      : [["ephemeral-storage", bytesOf(fileSystemBytes)] as [string, ParsedQuantity]]),
    ...hugePages.map(({ quantity, totalBytes }): [string, ParsedQuantity] => [
      `hugepages-${quantity}`,
      bytesOf(totalBytes),
    ]),
    ["pods", parseQuantity(maxPods)],
  ];
  const given = Object.entries(capacity).map(([name, amount]): [string, ParsedQuantity] => [
    name,
    parseQuantity(amount),
  ]);
  return textsOf(new Map([...read, ...given]));
}

/** The hard eviction thresholds that are reserved. */
export type EvictionReserve = Pick<Thresholds, (typeof evictionResources)[number][1]>;

/**
 * Returns `status.allocatable`: the capacity minus the reserved resources and the hard eviction thresholds, and for memory minus
 * huge pages. Never less than 0. Source: kubelet, nodestatus.MachineInfo.
 */
export function nodeAllocatable(
  capacity: NodeAmounts,
  reserved: Resources,
  evictionReserve: EvictionReserve,
): NodeAmounts {
  const amounts = new Map(
    Object.entries(capacity).map(([name, amount]): [string, ParsedQuantity] => [name, parseQuantity(amount)]),
  );
  const subtract = (name: string, amount: ParsedQuantity) => {
    const before = amounts.get(name);
    if (before !== undefined) amounts.set(name, difference(before, amount));
  };
  for (const [name, amount] of Object.entries(reserved)) subtract(name, parseQuantity(amount));
  for (const [name, signal] of evictionResources) {
    const whole = capacity[name];
    const threshold = evictionReserve[signal];
    if (whole !== undefined && threshold !== undefined)
      subtract(name, thresholdOf(threshold, parseQuantity(whole)));
  }
  for (const [name, amount] of Object.entries(capacity))
    if (name.startsWith("hugepages-")) subtract("memory", parseQuantity(amount));
  return textsOf(amounts);
}

const evictionResources = [
  ["memory", "memory.available"],
  ["ephemeral-storage", "nodefs.available"],
] as const satisfies readonly (readonly [string, EvictionSignal])[];

/** The kubelet keeps shares as numbers of 32 bits, so that 10 % of a large disk is some bytes more than a tenth. */
function thresholdOf(threshold: string, capacity: ParsedQuantity): ParsedQuantity {
  if (!threshold.endsWith("%")) return parseQuantity(threshold);
  const share = Math.fround(Number(threshold.slice(0, -1)) / 100);
  return bytesOf(BigInt(Math.trunc(Number(capacity.value()) * share)));
}

function difference(from: ParsedQuantity, amount: ParsedQuantity): ParsedQuantity {
  const rest = from.plus(new ParsedQuantity(-amount.nanos));
  return rest.nanos < 0n ? new ParsedQuantity(0n) : rest;
}

/** Returns bytes in the format of the kubelet: with a binary suffix where that is exact, otherwise without any. */
function bytesOf(bytes: bigint): ParsedQuantity {
  return bytes % 1024n === 0n ? parseQuantity(`${bytes / 1024n}Ki`) : parseQuantity(bytes);
}

function textsOf(amounts: ReadonlyMap<string, ParsedQuantity>): NodeAmounts {
  return Object.fromEntries([...amounts].map(([name, amount]) => [name, amountText(name, amount)]));
}

/** Formats bytes without a decimal suffix, as the kubelet does: 192000, not 192k. */
function amountText(name: string, amount: ParsedQuantity): string {
  const isBytes = name === "memory" || name === "ephemeral-storage" || name.startsWith("hugepages-");
  const text = amount.toString();
  return isBytes && /[kMGTPE]$/.test(text) ? String(amount.value()) : text;
}
