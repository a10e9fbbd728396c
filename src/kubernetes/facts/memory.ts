import { pageSizeName, parseQuantity } from "../../pods/index.js";
import type { HostFiles } from "./host-files.js";

const bytesPerKilobyte = 1024n;

/** Returns the memory and the swap of this node in bytes; 0 when /proc/meminfo cannot be read. */
export async function memoryOf(
  files: HostFiles,
): Promise<{ readonly memoryBytes: bigint; readonly swapBytes: bigint }> {
  const text = (await files.text("/proc/meminfo")) ?? "";
  const bytes = (name: string) => meminfoBytes(text, name) ?? 0n;
  return { memoryBytes: bytes("MemTotal"), swapBytes: bytes("SwapTotal") };
}

/** Returns an amount of /proc/meminfo in bytes, such as `MemTotal` or `Inactive(file)`; undefined when the text does not have it. */
export function meminfoBytes(text: string, name: string): bigint | undefined {
  const pattern = `^${name.replaceAll(/[()]/g, "\\$&")}:\\s*(\\d+) kB$`;
  const kilobytes = new RegExp(pattern, "m").exec(text)?.[1];
  return kilobytes === undefined ? undefined : BigInt(kilobytes) * bytesPerKilobyte;
}

/** Huge pages of one size. */
export interface HugePages {
  /** As cgroups name the size: "2MB" */
  readonly size: string;
  /** As resources of Pods name it: "2Mi" */
  readonly quantity: string;
  /** What the node has reserved for them, in bytes. */
  readonly totalBytes: bigint;
}

const hugePagesFolder = "/sys/kernel/mm/hugepages";

/** Returns the huge pages of this node by size; none when the folder of the kernel cannot be read. */
export async function hugePagesOf(files: HostFiles): Promise<readonly HugePages[]> {
  const found: HugePages[] = [];
  for (const name of await files.names(hugePagesFolder)) {
    const kilobytes = /^hugepages-(\d+)kB$/.exec(name)?.[1];
    if (kilobytes === undefined) continue;
    const bytes = BigInt(kilobytes) * bytesPerKilobyte;
    const count = /^\d+/.exec((await files.text(`${hugePagesFolder}/${name}/nr_hugepages`)) ?? "")?.[0];
    found.push({
      size: pageSizeName(bytes),
      quantity: parseQuantity(`${kilobytes}Ki`).toString(),
      totalBytes: bytes * BigInt(count ?? 0),
    });
  }
  return found;
}

/** The key of the page size in the auxiliary vector (AT_PAGESZ). */
const pageSizeKey = 6n;
const defaultPageSizeBytes = 4096;

/** Returns the size of a page of memory, from the auxiliary vector of this process; 4,096 when that cannot be read. */
export async function pageSizeOf(files: HostFiles): Promise<number> {
  const vector = await files.bytes("/proc/self/auxv");
  for (let at = 0; vector !== undefined && at + 16 <= vector.length; at += 16)
    if (vector.readBigUInt64LE(at) === pageSizeKey) return Number(vector.readBigUInt64LE(at + 8));
  return defaultPageSizeBytes;
}
