const leastShares = 2n;
const mostShares = 262_144n;
const leastQuotaUs = 1000n;

/** cpu_period in microseconds, where nothing else is said: the kubelet's, and the kernel's. */
export const defaultCpuPeriodUs = 100_000n;

/**
 * cpu_shares for a CPU request, as the kubelet computes it: 1024 for a CPU, from 2 (no request) to 262,144.
 *
 * @param milliCpu Thousandths of a CPU; less than 1 is no request
 */
export function cpuShares(milliCpu: bigint): bigint {
  const shares = (milliCpu * 1024n) / 1000n;
  if (shares < leastShares) return leastShares;
  return shares > mostShares ? mostShares : shares;
}

/**
 * cpu_quota for a CPU limit, as the kubelet computes it: microseconds in each period, 1,000 at least; 0, no quota, without a
 * limit.
 *
 * @param milliCpu Thousandths of a CPU; less than 1 is no limit
 * @param periodUs cpu_period in microseconds. Default: 100,000
 */
export function cpuQuota(milliCpu: bigint, periodUs: bigint = defaultCpuPeriodUs): bigint {
  if (milliCpu <= 0n) return 0n;
  const quota = (milliCpu * periodUs) / 1000n;
  return quota < leastQuotaUs ? leastQuotaUs : quota;
}
