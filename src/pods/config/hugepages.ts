import type { MessageInitShape } from "@bufbuild/protobuf";
import type { HugepageLimitSchema } from "../../../gen/runtime/v1/api_pb.js";
import { readAmount } from "./amounts.js";
import { parseQuantity } from "./quantity.js";
import { type Report, reportValue } from "./report.js";
import type { Quantity } from "./spec-resources.js";

const units = ["B", "KB", "MB", "GB", "TB", "PB", "EB"];
const maxUint64 = 2n ** 64n - 1n;
const binary = /^[1-9]\d{0,3}[KMGTPE]i$/;

/** hugepage_limits of `{ "2Mi": "64Mi" }`, in the order of the spec. */
export function hugepageLimits(
  spec: Readonly<Record<string, Quantity>>,
  path: string,
  report: Report,
): MessageInitShape<typeof HugepageLimitSchema>[] {
  const seen = new Map<string, string>();
  return Object.entries(spec).flatMap(([key, given]) => {
    const at = `${path}[${JSON.stringify(key)}]`;
    const size = pageBytes(key);
    const amount = readAmount(given, at, report);
    if (size === undefined) {
      const message = 'must have a size of pages as its name, a power of two as "2Mi" or "1Gi"';
      report({ path: at, message, value: given });
      return [];
    }
    if (amount === undefined) return [];
    const pageSize = pageSizeName(size);
    const twice = seen.get(pageSize);
    seen.set(pageSize, key);
    if (twice !== undefined)
      report({ path: at, message: `must not be there beside ${JSON.stringify(twice)}, the same size` });
    const limit = amount.value();
    if (limit % size !== 0n) reportValue(report, at, `must be a multiple of ${key}`, given);
    if (limit > maxUint64) reportValue(report, at, "must be less than 2^64 bytes", given);
    return [{ pageSize, limit }];
  });
}

/** A size as the kernel's hugetlb files name it, powers of 1024 without an i: `2MB`. */
function pageSizeName(size: bigint): string {
  let [number, unit] = [size, 0];
  for (; number % 1024n === 0n && unit < units.length - 1; unit++) number /= 1024n;
  return `${number}${units[unit]}`;
}

function pageBytes(key: string): bigint | undefined {
  if (!binary.test(key)) return undefined;
  const bytes = parseQuantity(key).value();
  return (bytes & (bytes - 1n)) === 0n ? bytes : undefined;
}
