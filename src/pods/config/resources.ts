import type { MessageInitShape } from "@bufbuild/protobuf";
import type { LinuxContainerResourcesSchema } from "../../../gen/runtime/v1/api_pb.js";
import { type Amounts, readAmounts, resourceNames } from "./amounts.js";
import { cpuQuota, cpuShares, defaultCpuPeriodUs } from "./cpu.js";
import { hugepageLimits } from "./hugepages.js";
import { type ParsedQuantity, readQuantity } from "./quantity.js";
import { type Report, reportValue } from "./report.js";
import type { Quantity, ResourcesSpec } from "./spec-resources.js";

const maxInt64 = 2n ** 63n - 1n;
const pageBytes = 4096n;
const cpuList = /^\d+(-\d+)?(,\d+(-\d+)?)*$/;
/** A file of a cgroup: a controller or `cgroup`, a dot, and what of it. */
const cgroupFile = /^[a-z0-9_]+\.[A-Za-z0-9_.-]+$/;

export interface LinuxResourcesOptions {
  /**
   * What the pod as a whole may use: its limits hold for a container that has none of its own.
   * @default no limits of the pod
   */
  readonly pod?: ResourcesSpec | undefined;
  /**
   * These are the sums of a pod, as `podResources()` makes them: requests may exceed limits there, since a container without a
   * limit adds to the one and not to the other.
   * @default false
   */
  readonly sums?: boolean | undefined;
}

type Resources = MessageInitShape<typeof LinuxContainerResourcesSchema>;

/**
 * LinuxContainerResources of a spec, with the kubelet's numbers: cpu_period is always there, cpu_shares are 2 without a request,
 * and 0 is no limit of CPU time and memory. Undefined without a spec. Problems are reported under `path`; the result is of use
 * only when there were none. Problems of `options.pod` are not, who reads the pod's own resources reports them.
 */
export function linuxResources(
  spec: ResourcesSpec | undefined,
  path: string,
  report: Report,
  options: LinuxResourcesOptions = {},
): Resources | undefined {
  if (spec === undefined) return undefined;
  if (typeof spec !== "object" || spec === null) {
    reportValue(report, path, "must be an object", spec);
    return undefined;
  }
  const amounts = readAmounts(spec, path, report);
  if (!options.sums) checkRequests(spec, amounts, path, report);
  const pod = readAmounts(options.pod, path, () => {}).limits;
  const cpuLimit = notZero(amounts.limits.cpu) ?? pod.cpu;
  const memoryLimit = (notZero(amounts.limits.memory) ?? pod.memory)?.value() ?? 0n;
  checkMemory(spec.memory, amounts.limits.memory?.value() ?? 0n, `${path}.memory`, report);
  return {
    ...cpu(spec, cpuLimit, amounts.requests.cpu ?? cpuLimit, path, report),
    memoryLimitInBytes: memoryLimit,
    memorySwapLimitInBytes: memorySwap(spec.memorySwap, memoryLimit, `${path}.memorySwap`, report),
    oomScoreAdj: oomScore(spec.oomScoreAdj, `${path}.oomScoreAdj`, report),
    cpusetCpus: cpuset(spec.cpuset?.cpus, `${path}.cpuset.cpus`, report),
    cpusetMems: cpuset(spec.cpuset?.mems, `${path}.cpuset.mems`, report),
    hugepageLimits: hugepageLimits(spec.hugepages ?? {}, `${path}.hugepages`, report),
    unified: unified(spec.unified ?? {}, `${path}.unified`, report),
  };
}

function checkRequests(
  spec: ResourcesSpec,
  { requests, limits }: Amounts,
  path: string,
  report: Report,
): void {
  for (const name of resourceNames) {
    const [request, limit] = [requests[name], limits[name]];
    if (request && limit && request.compare(limit) > 0)
      reportValue(
        report,
        `${path}.requests.${name}`,
        `must not be more than the limit ${limit}`,
        spec.requests?.[name],
      );
  }
}

function cpu(
  spec: ResourcesSpec,
  limit: ParsedQuantity | undefined,
  request: ParsedQuantity | undefined,
  path: string,
  report: Report,
): { readonly cpuPeriod: bigint; readonly cpuQuota: bigint; readonly cpuShares: bigint } {
  const given = spec.cpuPeriodUs;
  const legal = given === undefined || within(given, 1000, 1_000_000);
  if (!legal)
    reportValue(report, `${path}.cpuPeriodUs`, "must be a whole number from 1000 to 1000000", given);
  const cpuPeriod = given === undefined || !legal ? defaultCpuPeriodUs : BigInt(given);
  const quota = cpuQuota(limit?.milliValue() ?? 0n, cpuPeriod);
  if (quota > maxInt64 && spec.cpu !== undefined)
    reportValue(report, `${path}.cpu`, "must be an amount whose cpu_quota is below 2^63", spec.cpu);
  return { cpuPeriod, cpuQuota: quota, cpuShares: cpuShares(request?.milliValue() ?? 0n) };
}

/** Millis of a byte are the letter m where M was meant; a limit below a page of memory starts nothing. */
function checkMemory(given: Quantity | undefined, limit: bigint, path: string, report: Report): void {
  if (limit > maxInt64) reportValue(report, path, "must be below 2^63 bytes", given);
  if (limit > 0n && limit < pageBytes)
    reportValue(
      report,
      path,
      "must be 0 or at least 4096 bytes (m is for thousandths, M for millions)",
      given,
    );
}

/** Memory and swap together; without a limit of memory, runtimes refuse it. */
function memorySwap(given: Quantity | undefined, memoryLimit: bigint, path: string, report: Report): bigint {
  if (given === undefined) return 0n;
  const amount = readQuantity(given, path, report);
  if (amount === undefined) return 0n;
  const value = amount.value();
  const message = "must be -1 (no limit), 0 (not said) or";
  if (value > maxInt64) reportValue(report, path, "must be below 2^63 bytes", given);
  else if (value < -1n) reportValue(report, path, `${message} a number of bytes`, given);
  else if (value > 0n && memoryLimit === 0n)
    reportValue(report, path, "must not be there without a limit of memory", given);
  else if (value > 0n && value < memoryLimit)
    reportValue(
      report,
      path,
      `${message} at least the limit of memory, ${memoryLimit} bytes, which it includes`,
      given,
    );
  return value;
}

function oomScore(given: number | undefined, path: string, report: Report): bigint {
  if (given === undefined) return 0n;
  if (within(given, -1000, 1000)) return BigInt(given);
  reportValue(report, path, "must be a whole number from -1000 to 1000", given);
  return 0n;
}

function cpuset(given: string | undefined, path: string, report: Report): string {
  if (given === undefined || given === "") return "";
  const backwards = ([from, to = from]: string[]) => Number(from) > Number(to);
  if (
    typeof given !== "string" ||
    !cpuList.test(given) ||
    given.split(",").some((range) => backwards(range.split("-")))
  )
    reportValue(report, path, 'must be numbers and ranges of them, as "0-3,7"', given);
  return given;
}

function unified(
  given: Readonly<Record<string, string>>,
  path: string,
  report: Report,
): Record<string, string> {
  for (const [file, text] of Object.entries(given)) {
    const at = `${path}[${JSON.stringify(file)}]`;
    if (!cgroupFile.test(file))
      report({ path: at, message: 'must be named as a file of a cgroup, "memory.high"', value: text });
    if (typeof text !== "string") reportValue(report, at, "must be the text that is written", text);
  }
  return { ...given };
}

function notZero(amount: ParsedQuantity | undefined): ParsedQuantity | undefined {
  return amount?.nanos === 0n ? undefined : amount;
}

function within(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}
