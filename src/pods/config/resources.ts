// LinuxContainerResources with the kubelet's numbers.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { HugepageLimitSchema, LinuxContainerResourcesSchema } from "../../../gen/runtime/v1/api_pb.js";
import { Violations } from "../../core/index.js";
import { type Amounts, readAmount, readAmounts, resourceNames } from "./amounts.js";
import { Fields, readString, validated } from "./fields.js";
import { kubernetesNames } from "./kubernetes-names.js";
import { type ParsedQuantity, parseQuantity, readQuantity, unlessZero } from "./quantity.js";
import type { Quantity, ResourcesSpec } from "./spec-resources.js";

const maxInt64 = 2n ** 63n - 1n;
const maxUint64 = 2n ** 64n - 1n;
const memoryPageBytes = 4096n;

/** The options of {@link linuxResources}. */
export interface LinuxResourcesOptions {
  /**
   * The resources of the pod. Its limits apply to a container that has none.
   * @default no limits of the pod
   */
  readonly pod?: ResourcesSpec | undefined;
  /**
   * Whether the spec holds the sums of a pod, as `podResources()` returns them. Their requests may exceed their limits, since a
   * container without a limit adds only to the requests.
   * @default false
   */
  readonly sums?: boolean | undefined;
}

type Resources = MessageInitShape<typeof LinuxContainerResourcesSchema>;

/** Reads LinuxContainerResources from an unchecked value. Reads numbers only when the value has the shape of a ResourcesSpec. */
export function readResources(
  given: unknown,
  path: string,
  violations: Violations,
  options?: LinuxResourcesOptions,
): Resources | undefined {
  const before = violations.problems.length;
  const spec = new Fields<ResourcesSpec>(given, path, violations);
  const requests = spec.nested<NonNullable<ResourcesSpec["requests"]>>("requests");
  for (const name of resourceNames) requests.raw(name);
  requests.rejectUnknown(kubernetesNames.resources);
  const cpuset = spec.nested<NonNullable<ResourcesSpec["cpuset"]>>("cpuset");
  for (const name of ["cpus", "mems"] as const) cpuset.string(name);
  cpuset.rejectUnknown();
  spec.entries("unified", (_, value, at) => readString(value, at, violations));
  spec.entries("hugepages", () => undefined);
  for (const name of ["cpu", "memory", "cpuPeriodUs", "memorySwap", "oomScoreAdj"] as const) spec.raw(name);
  spec.rejectUnknown(kubernetesNames.resources);
  if (violations.problems.length > before) return undefined;
  // The shape was checked above, and linuxResources() checks the values.
  return linuxResources(given as ResourcesSpec | undefined, path, violations, options);
}

/**
 * Reads the resources of UpdateContainerResources and UpdatePodSandboxResources. In an update, 0 and "" leave a field unchanged, so
 * fields that the spec omits are sent as these, and not as the defaults of a new container.
 *
 * @throws CriError `invalid_argument: invalid_spec`
 */
export function updatedResources(spec: ResourcesSpec, path: string): Resources {
  const complete = validated("invalid resources", (violations) => readResources(spec, path, violations));
  const { cpu, requests, cpuPeriodUs } = spec;
  return {
    ...complete,
    ...(cpu === undefined ? { cpuQuota: 0n } : {}),
    ...(cpu === undefined && cpuPeriodUs === undefined ? { cpuPeriod: 0n } : {}),
    ...(cpu === undefined && requests?.cpu === undefined ? { cpuShares: 0n } : {}),
  };
}

/**
 * Computes LinuxContainerResources as the kubelet does: cpu_period is always set, cpu_shares are 2 without a request, and 0 means no
 * limit of CPU time and memory. Returns undefined without a spec. The result is valid only when no problem was reported. Problems of
 * `options.pod` are not reported, since the caller reads the pod's resources separately.
 */
export function linuxResources(
  spec: ResourcesSpec | undefined,
  path: string,
  violations: Violations,
  options: LinuxResourcesOptions = {},
): Resources | undefined {
  if (spec === undefined) return undefined;
  if (typeof spec !== "object" || spec === null) {
    violations.addValue(path, "must be an object", spec);
    return undefined;
  }
  const amounts = readAmounts(spec, path, violations);
  if (!options.sums) checkRequests(spec, amounts, path, violations);
  const pod = readAmounts(options.pod, path, new Violations()).limits;
  const cpuLimit = unlessZero(amounts.limits.cpu) ?? pod.cpu;
  const memoryLimit = (unlessZero(amounts.limits.memory) ?? pod.memory)?.value() ?? 0n;
  checkMemory(spec.memory, amounts.limits.memory?.value() ?? 0n, `${path}.memory`, violations);
  return {
    ...cpuFields(spec, cpuLimit, amounts.requests.cpu ?? cpuLimit, path, violations),
    memoryLimitInBytes: memoryLimit,
    memorySwapLimitInBytes: memorySwap(spec.memorySwap, memoryLimit, `${path}.memorySwap`, violations),
    oomScoreAdj: oomScore(spec.oomScoreAdj, `${path}.oomScoreAdj`, violations),
    cpusetCpus: cpuset(spec.cpuset?.cpus, `${path}.cpuset.cpus`, violations),
    cpusetMems: cpuset(spec.cpuset?.mems, `${path}.cpuset.mems`, violations),
    hugepageLimits: hugepageLimits(spec.hugepages ?? {}, `${path}.hugepages`, violations),
    unified: unified(spec.unified ?? {}, `${path}.unified`, violations),
  };
}

function checkRequests(
  spec: ResourcesSpec,
  { requests, limits }: Amounts,
  path: string,
  violations: Violations,
): void {
  for (const name of resourceNames) {
    const [request, limit] = [requests[name], limits[name]];
    if (request && limit && request.compare(limit) > 0)
      violations.addValue(
        `${path}.requests.${name}`,
        `must not exceed the limit ${limit}`,
        spec.requests?.[name],
      );
  }
}

const minShares = 2n;
const maxShares = 262_144n;
const minQuotaUs = 1000n;
const defaultCpuPeriodUs = 100_000n;

/**
 * Computes cpu_shares of a CPU request as the kubelet does: 1024 per CPU, from 2 (no request) to 262,144.
 *
 * @param milliCpu Thousandths of a CPU; less than 1 means no request
 */
export function cpuShares(milliCpu: bigint): bigint {
  const shares = (milliCpu * 1024n) / 1000n;
  if (shares < minShares) return minShares;
  return shares > maxShares ? maxShares : shares;
}

/**
 * Computes cpu_quota of a CPU limit as the kubelet does: microseconds per period, at least 1,000; 0 (no quota) without a limit.
 *
 * @param milliCpu Thousandths of a CPU; less than 1 means no limit
 * @param periodUs cpu_period in microseconds. Default: 100,000
 */
export function cpuQuota(milliCpu: bigint, periodUs: bigint = defaultCpuPeriodUs): bigint {
  if (milliCpu <= 0n) return 0n;
  const quota = (milliCpu * periodUs) / 1000n;
  return quota < minQuotaUs ? minQuotaUs : quota;
}

function cpuFields(
  spec: ResourcesSpec,
  limit: ParsedQuantity | undefined,
  request: ParsedQuantity | undefined,
  path: string,
  violations: Violations,
): { readonly cpuPeriod: bigint; readonly cpuQuota: bigint; readonly cpuShares: bigint } {
  const given = spec.cpuPeriodUs;
  const isValid = given === undefined || isIntegerWithin(given, 1000, 1_000_000);
  violations.check(isValid, `${path}.cpuPeriodUs`, "must be an integer from 1000 to 1000000", given);
  const cpuPeriod = given === undefined || !isValid ? defaultCpuPeriodUs : BigInt(given);
  const quota = cpuQuota(limit?.milliValue() ?? 0n, cpuPeriod);
  if (quota > maxInt64 && spec.cpu !== undefined)
    violations.addValue(`${path}.cpu`, "must be small enough for a cpu_quota below 2^63", spec.cpu);
  return { cpuPeriod, cpuQuota: quota, cpuShares: cpuShares(request?.milliValue() ?? 0n) };
}

/** Rejects limits below one page, with which no container starts: mostly `m` (thousandths) where `M` was meant. */
function checkMemory(given: Quantity | undefined, limit: bigint, path: string, violations: Violations): void {
  violations.check(limit <= maxInt64, path, "must be below 2^63 bytes", given);
  if (limit > 0n && limit < memoryPageBytes)
    violations.addValue(path, "must be 0 or at least 4096 bytes (m means thousandths, M millions)", given);
}

/** Reads the limit of memory and swap together. Runtimes reject it without a memory limit. */
function memorySwap(
  given: Quantity | undefined,
  memoryLimit: bigint,
  path: string,
  violations: Violations,
): bigint {
  const amount = given === undefined ? undefined : readQuantity(given, path, violations);
  if (amount === undefined) return 0n;
  const value = amount.value();
  const allowed = "must be -1 (no limit), 0 (not set) or";
  if (value > maxInt64) violations.addValue(path, "must be below 2^63 bytes", given);
  else if (value < -1n) violations.addValue(path, `${allowed} a number of bytes`, given);
  else if (value > 0n && memoryLimit === 0n) violations.addValue(path, "requires a memory limit", given);
  else if (value > 0n && value < memoryLimit)
    violations.addValue(
      path,
      `${allowed} at least the memory limit (${memoryLimit} bytes): it limits memory and swap together`,
      given,
    );
  return value;
}

function oomScore(given: number | undefined, path: string, violations: Violations): bigint {
  if (given === undefined) return 0n;
  if (isIntegerWithin(given, -1000, 1000)) return BigInt(given);
  violations.addValue(path, "must be an integer from -1000 to 1000", given);
  return 0n;
}

const cpuList = /^\d+(-\d+)?(,\d+(-\d+)?)*$/;

function cpuset(given: string | undefined, path: string, violations: Violations): string {
  if (given === undefined || given === "") return "";
  const isBackwards = ([from, to = from]: string[]) => Number(from) > Number(to);
  const isList =
    typeof given === "string" &&
    cpuList.test(given) &&
    !given.split(",").some((range) => isBackwards(range.split("-")));
  violations.check(isList, path, 'must be numbers and ranges such as "0-3,7"', given);
  return given;
}

const pageSizeUnits = ["B", "KB", "MB", "GB", "TB", "PB", "EB"];

/** Reads hugepage_limits from `{ "2Mi": "64Mi" }`, in the order of the spec. */
function hugepageLimits(
  spec: Readonly<Record<string, Quantity>>,
  path: string,
  violations: Violations,
): MessageInitShape<typeof HugepageLimitSchema>[] {
  const seen = new Map<string, string>();
  return Object.entries(spec).flatMap(([key, given]) => {
    const at = `${path}[${JSON.stringify(key)}]`;
    const size = parsePageSize(key);
    const amount = readAmount(given, at, violations);
    if (size === undefined) {
      const message = 'has an invalid key: it must be a page size, a power of two such as "2Mi" or "1Gi"';
      violations.addValue(at, message, given);
      return [];
    }
    if (amount === undefined) return [];
    const pageSize = pageSizeName(size);
    const earlier = seen.get(pageSize);
    seen.set(pageSize, key);
    if (earlier !== undefined) violations.add(at, `is the same page size as ${JSON.stringify(earlier)}`);
    const limit = amount.value();
    violations.check(limit % size === 0n, at, `must be a multiple of ${key}`, given);
    violations.check(limit <= maxUint64, at, "must be less than 2^64 bytes", given);
    return [{ pageSize, limit }];
  });
}

/** Returns a size as the kernel's hugetlb files name it, in powers of 1024 without the i: `2MB`. */
export function pageSizeName(size: bigint): string {
  let [number, unit] = [size, 0];
  for (; number % 1024n === 0n && unit < pageSizeUnits.length - 1; unit++) number /= 1024n;
  return `${number}${pageSizeUnits[unit]}`;
}

function parsePageSize(key: string): bigint | undefined {
  if (!/^[1-9]\d{0,3}[KMGTPE]i$/.test(key)) return undefined;
  const bytes = parseQuantity(key).value();
  return (bytes & (bytes - 1n)) === 0n ? bytes : undefined;
}

/** The name of a cgroup file: a controller or `cgroup`, a dot, a setting. */
const cgroupFile = /^[a-z0-9_]+\.[A-Za-z0-9_.-]+$/;

function unified(
  given: Readonly<Record<string, string>>,
  path: string,
  violations: Violations,
): Record<string, string> {
  for (const [file, content] of Object.entries(given)) {
    const at = `${path}[${JSON.stringify(file)}]`;
    const keyMessage = 'has an invalid key: it must be the name of a cgroup file such as "memory.high"';
    violations.check(cgroupFile.test(file), at, keyMessage, content);
    violations.check(typeof content === "string", at, "must be a string", content);
  }
  return { ...given };
}

function isIntegerWithin(value: number, min: number, max: number): boolean {
  return Number.isInteger(value) && value >= min && value <= max;
}
