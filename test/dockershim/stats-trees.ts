// Files of containers as a kernel showed them, written below a temporary folder.
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import type { ReadyPod, RunningContainer } from "../../examples/dockershim/stats/targets.js";
import { tempFolder } from "../support/temp.js";

export const id = (letter: string) => letter.repeat(64);

/** The roots of cgroupfs and procfs, and a way to write files below them. */
export async function kernelFolders(t: TestContext) {
  const root = await tempFolder(t);
  const write = async (files: Readonly<Record<string, string>>) => {
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), content);
    }
  };
  return { root, write, folders: { cgroupRoot: join(root, "cgroup"), procRoot: join(root, "proc") } };
}

/** A container in cgroup v1 with a memory limit of 64 MiB. Linux 6.18, Docker 26.1, cgroupfs driver. */
export function filesOfV1(pid: number, cgroup: string): Record<string, string> {
  const at = (controller: string, file: string) => `cgroup/${controller}${cgroup}/${file}`;
  return {
    [`proc/${pid}/cgroup`]: `9:name=systemd:${cgroup}\n8:pids:${cgroup}\n7:blkio:${cgroup}\n4:memory:${cgroup}\n2:cpuacct:${cgroup}\n1:cpu:${cgroup}\n0::${cgroup}\n`,
    [`proc/${pid}/limits`]:
      "Limit                     Soft Limit           Hard Limit           Units     \nMax processes             96365                96365                processes \nMax open files            20000                20000                files     \n",
    [at("cpuacct", "cpuacct.usage")]: "29687668\n",
    [at("cpuacct", "cpuacct.stat")]: "user 302\nsystem 100\n",
    [at("cpuacct", "cgroup.procs")]: `${pid}\n${pid + 1}\n`,
    [at("cpu", "cpu.stat")]:
      "nr_periods 70\nnr_throttled 3\nthrottled_time 5000000000\nnr_bursts 0\nburst_time 0\n",
    [at("cpu", "cpu.shares")]: "1024\n",
    [at("cpu", "cpu.cfs_period_us")]: "100000\n",
    [at("cpu", "cpu.cfs_quota_us")]: "-1\n",
    [at("memory", "memory.usage_in_bytes")]: "9469952\n",
    [at("memory", "memory.max_usage_in_bytes")]: "10448256\n",
    [at("memory", "memory.kmem.usage_in_bytes")]: "360448\n",
    [at("memory", "memory.limit_in_bytes")]: "67108864\n",
    [at("memory", "memory.soft_limit_in_bytes")]: "9223372036854771712\n",
    [at("memory", "memory.memsw.limit_in_bytes")]: "134217728\n",
    [at("memory", "memory.failcnt")]: "4\n",
    [at("memory", "memory.oom_control")]: "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
    [at("memory", "memory.stat")]:
      "cache 8388608\nrss 110592\npgfault 1237\npgmajfault 0\ninactive_file 4096\nhierarchical_memory_limit 67108864\ntotal_cache 8388608\ntotal_rss 114688\ntotal_mapped_file 4096\ntotal_swap 20480\ntotal_pgfault 1240\ntotal_pgmajfault 2\ntotal_inactive_anon 102400\ntotal_inactive_file 8192000\n",
    [at("blkio", "blkio.throttle.io_service_bytes_recursive")]:
      "254:0 Read 8192\n254:0 Write 4096\n254:0 Sync 12288\n254:0 Async 0\n254:0 Discard 0\n254:0 Total 12288\nTotal 12288\n",
    [at("blkio", "blkio.throttle.io_serviced_recursive")]: "254:0 Read 2\n254:0 Write 1\nTotal 3\n",
    [at("pids", "pids.current")]: "5\n",
    [at("pids", "pids.max")]: "max\n",
  };
}

/** A container in cgroup v2 with a memory limit of 64 MiB, as the kernel documents it. */
export function filesOfV2(pid: number, cgroup: string): Record<string, string> {
  const at = (file: string) => `cgroup${cgroup}/${file}`;
  const pressure = (some: number, full: number) =>
    `some avg10=1.57 avg60=1.39 avg300=0.91 total=${some}\nfull avg10=0.50 avg60=0.25 avg300=0.10 total=${full}\n`;
  return {
    [`proc/${pid}/cgroup`]: `0::${cgroup}\n`,
    [`proc/${pid}/limits`]:
      "Max open files            20000                20000                files     \n",
    [at("cgroup.procs")]: `${pid}\n${pid + 1}\n`,
    [at("cpu.stat")]:
      "usage_usec 4024000\nuser_usec 3020000\nsystem_usec 1004000\nnice_usec 0\nnr_periods 70\nnr_throttled 3\nthrottled_usec 5000000\n",
    [at("cpu.max")]: "max 100000\n",
    [at("cpu.weight")]: "39\n",
    [at("cpu.pressure")]: pressure(9_181_464, 9_123_730),
    [at("memory.current")]: "9469952\n",
    [at("memory.peak")]: "10448256\n",
    [at("memory.max")]: "67108864\n",
    [at("memory.low")]: "0\n",
    [at("memory.swap.current")]: "20480\n",
    [at("memory.swap.max")]: "67108864\n",
    [at("memory.events")]: "low 0\nhigh 0\nmax 4\noom 1\noom_kill 1\noom_group_kill 0\n",
    [at("memory.stat")]:
      "anon 114688\nfile 8388608\nkernel 360448\nfile_mapped 4096\ninactive_anon 102400\ninactive_file 8192000\npgfault 1240\npgmajfault 2\n",
    [at("memory.pressure")]: pressure(2_000_000, 1_000_000),
    [at("io.pressure")]: pressure(4_000_000, 3_000_000),
    [at("io.stat")]: "254:0 rbytes=8192 wbytes=4096 rios=2 wios=1 dbytes=0 dios=0\n",
    [at("pids.current")]: "5\n",
    [at("pids.max")]: "max\n",
  };
}

export function container(letter: string, pid: number, upper?: string): RunningContainer {
  return {
    ...{ id: id(letter), pid, metadata: { name: `c-${letter}`, attempt: 0 } },
    ...{ labels: { app: letter }, annotations: { note: letter }, image: "busybox:1" },
    startedAt: 1_700_000_000_000_000_000n,
    writableLayer: upper === undefined ? undefined : { path: upper, mountpoint: "/var/lib/docker" },
  };
}

export function pod(letter: string, pid: number, containers: readonly RunningContainer[]): ReadyPod {
  const metadata = { name: "web", namespace: "shop", uid: "9d2e-77", attempt: 0 };
  return {
    id: id(letter),
    pid,
    metadata,
    labels: { app: "web" },
    annotations: {},
    hostNetwork: false,
    containers,
  };
}

/** /proc/PID/net/dev of a pod with two interfaces. */
export const netDev = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     840      10    0    0    0     0          0         0      840      10    0    0    0     0       0          0
  net1:       7       1    0    0    0     0          0         0        8       1    0    0    0     0       0          0
  eth0:14812345678     101    2    3    0     0          0         0     4567      41    4    5    0     0       0          0
`;
