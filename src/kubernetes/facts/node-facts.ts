import { cpus, hostname, networkInterfaces } from "node:os";
import { type CallOptions, callOptionsTable, checkArgument, option } from "../../core/index.js";
import type { Cri } from "../../cri.js";
import { CgroupDrivers } from "../../pods/index.js";
import type { Resources } from "../api/index.js";
import { criCheck } from "../argument-checks.js";
import { nodeFactsTable } from "../config/input-checks.js";
import type { NodeFacts } from "../config/node-facts.js";
import { nodeAddresses } from "./addresses.js";
import { cgroupsOf } from "./cgroups.js";
import { HostFiles } from "./host-files.js";
import { hugePagesOf, memoryOf, pageSizeOf } from "./memory.js";

/** The folder of a kubelet, and that of the logs of pods. */
const defaultRootDir = "/var/lib/kubelet";
const defaultPodLogsDir = "/var/log/pods";

/** What the kubelet keeps free by default (`evictionHard`): this much memory, and this part of the file system. */
const evictionMemoryBytes = 104_857_600n;
const evictionFileSystemPercent = 10n;

/**
 * Reads the facts of this node that the configs of Pods depend on: from the runtime (RuntimeConfig, Status, Version), /proc and /sys.
 * What the process may not see, in a container for example, counts as absent. What only a cluster or an administrator knows has the
 * kubelet's default: no cluster DNS, NoSwap, Unconfined as the default seccomp profile.
 *
 * On a node where a kubelet runs, pass your own `rootDir`, `podLogsDir` and `cgroupRoot`: a kubelet removes the folders and cgroups of
 * pods that it does not know.
 *
 * @param overrides facts that are not read, but taken from here. `cgroupDriver: undefined` and `resolvConf: undefined` count as given
 * @throws CriError `invalid_option` for an unknown or invalid override; the errors of the calls
 */
export function nodeFacts(
  cri: Pick<Cri, "features" | "runtime">,
  overrides: Partial<NodeFacts> = {},
  options: CallOptions = {},
): Promise<NodeFacts> {
  return readNodeFacts(cri, overrides, options, new HostFiles());
}

/** Does what {@link nodeFacts} does, with the files of a node below another root. */
export async function readNodeFacts(
  cri: Pick<Cri, "features" | "runtime">,
  overrides: Partial<NodeFacts>,
  options: CallOptions,
  files: HostFiles,
): Promise<NodeFacts> {
  checkArgument("nodeFacts", "cri", cri, criCheck);
  checkArgument("nodeFacts", "overrides", overrides, option.nested(nodeFactsTable));
  callOptionsTable.check("nodeFacts", options);
  const [ofHost, ofRuntime] = await Promise.all([
    hostFacts(files, overrides.rootDir ?? defaultRootDir),
    runtimeFacts(cri, overrides, options),
  ]);
  const given = Object.entries(overrides).filter(
    ([name, value]) => value !== undefined || name === "resolvConf" || name === "cgroupDriver",
  );
  const facts = { ...ofHost, ...ofRuntime, ...Object.fromEntries(given) };
  // The kubelet's default depends on the version of cgroups, which may be given.
  return { singleProcessOomKill: facts.cgroupVersion === 1, ...facts };
}

type RuntimeFacts = Pick<NodeFacts, "cgroupDriver" | "runtimeFeatures" | "runtimeHandlers" | "runtimeName">;

/** Asks the runtime only for what is not given. */
async function runtimeFacts(
  cri: Pick<Cri, "features" | "runtime">,
  overrides: Partial<NodeFacts>,
  options: CallOptions,
): Promise<RuntimeFacts> {
  const { runtimeFeatures, runtimeHandlers, runtimeName } = overrides;
  const isKnown = runtimeFeatures && runtimeHandlers && runtimeName !== undefined;
  const [cgroupDriver, info] = await Promise.all([
    "cgroupDriver" in overrides
      ? overrides.cgroupDriver
      : new CgroupDrivers(cri.runtime).of("", options.signal),
    isKnown ? undefined : cri.features(options),
  ]);
  const features = {
    supplementalGroupsPolicy: info?.supplementalGroupsPolicy ?? false,
    userNamespacesHostNetwork: info?.userNamespacesHostNetwork ?? false,
  };
  const handlers = (info?.handlers ?? []).map(
    ({ name, userNamespaces, recursiveReadOnlyMounts }) =>
      [name, { userNamespaces, recursiveReadOnlyMounts }] as const,
  );
  return {
    cgroupDriver,
    runtimeFeatures: features,
    runtimeHandlers: Object.fromEntries(handlers),
    runtimeName: info?.name ?? "",
  };
}

async function hostFacts(
  files: HostFiles,
  rootDir: string,
): Promise<Omit<NodeFacts, keyof RuntimeFacts | "singleProcessOomKill">> {
  const [
    memory,
    hugePages,
    pageSizeBytes,
    cgroups,
    nodeIPs,
    resolvConf,
    hostsFile,
    selinux,
    throttles,
    disk,
  ] = await Promise.all([
    memoryOf(files),
    hugePagesOf(files),
    pageSizeOf(files),
    cgroupsOf(files),
    nodeAddresses(files, networkInterfaces()),
    resolvConfOf(files),
    files.text("/etc/hosts"),
    files.exists("/sys/fs/selinux/enforce"),
    thermalThrottlePaths(files),
    files.fileSystemBytes(rootDir),
  ]);
  const reserved = hugePages.reduce((sum, { totalBytes }) => sum + totalBytes, evictionMemoryBytes);
  const allocatable: Resources = {
    cpu: cpus().length || 1,
    memory: String(memory.memoryBytes > reserved ? memory.memoryBytes - reserved : 0n),
    ...(disk === undefined
      ? {}
      : { "ephemeral-storage": String((disk * (100n - evictionFileSystemPercent)) / 100n) }),
    ...Object.fromEntries(
      hugePages.map(({ quantity, totalBytes }) => [`hugepages-${quantity}`, String(totalBytes)]),
    ),
  };
  return {
    ...memory,
    ...cgroups,
    nodeName: hostname().toLowerCase(),
    nodeIPs,
    allocatable,
    cgroupRoot: "/",
    hugePageSizes: hugePages.map(({ size }) => size),
    swapBehavior: "NoSwap",
    cpuCfsQuota: true,
    cpuCfsPeriodMicros: 100_000,
    memoryQos: "off",
    pageSizeBytes,
    clusterDns: [],
    clusterDomain: "",
    resolvConf,
    hostsFile: hostsFile ?? "",
    rootDir,
    podLogsDir: defaultPodLogsDir,
    seccompDefault: false,
    thermalThrottlePaths: throttles,
    selinux,
  };
}

/** The address of systemd-resolved, which is of no use in a pod. */
const stubResolver = "127.0.0.53";

/**
 * Returns the text of /etc/resolv.conf; where that names only systemd-resolved, the text of the file with its upstream servers; "" without
 * a file.
 */
async function resolvConfOf(files: HostFiles): Promise<string> {
  const usual = (await files.text("/etc/resolv.conf")) ?? "";
  const servers = [...usual.matchAll(/^\s*nameserver\s+(\S+)/gm)].map(([, server]) => server);
  if (servers.length !== 1 || servers[0] !== stubResolver) return usual;
  return (await files.text("/run/systemd/resolve/resolv.conf")) ?? usual;
}

/** Returns the folders of the CPUs' thermal throttling, in the order of the CPUs. */
async function thermalThrottlePaths(files: HostFiles): Promise<readonly string[]> {
  const folder = "/sys/devices/system/cpu";
  const cpuNames = (await files.names(folder)).filter((name) => /^cpu\d+$/.test(name));
  const paths = cpuNames
    .sort((a, b) => Number(a.slice(3)) - Number(b.slice(3)))
    .map((name) => `${folder}/${name}/thermal_throttle`);
  const found = await Promise.all(paths.map((path) => files.exists(path)));
  return paths.filter((_, index) => found[index]);
}
