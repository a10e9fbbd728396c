// What the detail pages and the page of images ask the runtime for, when they are opened.
import { statfs } from "node:fs/promises";
import { type Cri, isCriError, type NodeWatch } from "cri-sdk";
import type { ContainerDetails, DiskRow, Fact, ImagesAndDisk, PodDetails } from "../messages.js";

/** Reads the status of a container. Rejects with `object_missing`. */
export async function containerDetails(cri: Cri, id: string, signal: AbortSignal): Promise<ContainerDetails> {
  const { status } = await cri.runtime.containerStatus({ containerId: id }, { signal });
  const linux = status?.resources?.linux;
  const { cpuQuota = 0n, cpuPeriod = 0n, cpuShares = 0n, memoryLimitInBytes = 0n } = linux ?? {};
  const facts: [string, string | undefined][] = [
    ["Container ID", status?.id],
    ["Image", status?.image?.userSpecifiedImage || status?.image?.image],
    ["Image ID", status?.imageId || status?.imageRef],
    ["Log file", status?.logPath],
    [
      "CPU limit",
      cpuQuota > 0n && cpuPeriod > 0n ? `${Number(cpuQuota) / Number(cpuPeriod)} cores` : undefined,
    ],
    ["CPU shares", cpuShares > 0n ? String(cpuShares) : undefined],
    ["Memory limit", memoryLimitInBytes > 0n ? `${Number(memoryLimitInBytes) / 2 ** 20} MiB` : undefined],
  ];
  return {
    facts: known(facts),
    annotations: status?.annotations ?? {},
    mounts: (status?.mounts ?? []).map(({ containerPath, hostPath, readonly }) => ({
      ...{ containerPath, hostPath, readonly },
    })),
    startedAt: milliseconds(status?.startedAt),
  };
}

/** Reads the status of a pod, and its traffic while it runs. Rejects with `object_missing`. */
export async function podDetails(cri: Cri, id: string, signal: AbortSignal): Promise<PodDetails> {
  const { status } = await cri.runtime.podSandboxStatus({ podSandboxId: id }, { signal });
  const { ip = "", additionalIps = [] } = status?.network ?? {};
  const facts: [string, string | undefined][] = [
    ["Sandbox ID", status?.id],
    ["UID", status?.metadata?.uid],
    ["Addresses", [ip, ...additionalIps.map((one) => one.ip)].filter(Boolean).join(", ")],
    ["Runtime handler", status?.runtimeHandler],
    ...(await traffic(cri, id, signal)),
  ];
  return { facts: known(facts), annotations: status?.annotations ?? {} };
}

/** A pod that does not run has no usage, and a runtime may have none of pods: the page shows the rest. */
async function traffic(cri: Cri, id: string, signal: AbortSignal): Promise<[string, string | undefined][]> {
  try {
    const { network, processCount } = await cri.stats.pod(id, { signal });
    const rows = (network?.interfaces ?? []).map(({ name, rxBytes, txBytes }): [string, string] => [
      `Traffic of ${name}`,
      `${mebibytes(rxBytes)} in, ${mebibytes(txBytes)} out`,
    ]);
    return [...rows, ["Processes", processCount === undefined ? undefined : String(processCount)]];
  } catch (error) {
    if (!isCriError(error)) throw error;
    return [];
  }
}

/** Lists the images with the containers that use them, and the file systems. */
export async function imagesAndDisk(
  cri: Cri,
  watch: NodeWatch | undefined,
  signal: AbortSignal,
): Promise<ImagesAndDisk> {
  const [images, fsInfo] = await Promise.all([cri.images.list({ signal }), cri.images.fsInfo({ signal })]);
  const rows = images.map(({ id, names, digests, sizeBytes, pinned }) => {
    const users = [id, ...names, ...digests].flatMap((name) => watch?.containersByImage(name) ?? []);
    return {
      id,
      names: names.length > 0 ? names : digests,
      sizeBytes: Number(sizeBytes),
      pinned,
      usedBy: [...new Set(users.map((container) => container.id))],
    };
  });
  const onlyContainers = fsInfo.containers.filter(
    ({ mountpoint }) => !fsInfo.images.some((other) => other.mountpoint === mountpoint),
  );
  const hasOwnImages = onlyContainers.length > 0 || fsInfo.containers.length === 0;
  const kinds = [
    [hasOwnImages ? "images" : "images and containers", fsInfo.images],
    ["containers", onlyContainers],
  ] as const;
  const disks = kinds.flatMap(([kind, systems]) =>
    systems.map(
      async ({ mountpoint, usedBytes, inodesUsed }): Promise<DiskRow> => ({
        ...{ kind, mountpoint },
        usedBytes: Number(usedBytes),
        inodesUsed: inodesUsed === undefined ? undefined : Number(inodesUsed),
        ...(await capacity(cri, mountpoint)),
      }),
    ),
  );
  return { images: rows, disks: await Promise.all(disks) };
}

/** Asks the file system itself, which is possible for a runtime of this machine only. */
async function capacity(
  { endpoint }: Cri,
  mountpoint: string,
): Promise<Pick<DiskRow, "capacityBytes" | "availableBytes">> {
  const unknown = { capacityBytes: undefined, availableBytes: undefined };
  if (!endpoint.startsWith("unix:") || !mountpoint.startsWith("/")) return unknown;
  try {
    const { bsize, blocks, bavail } = await statfs(mountpoint);
    return { capacityBytes: bsize * blocks, availableBytes: bsize * bavail };
  } catch {
    return unknown;
  }
}

function known(facts: readonly (readonly [string, string | undefined])[]): Fact[] {
  return facts.flatMap(([name, value]): Fact[] => (value ? [[name, value]] : []));
}

function mebibytes(bytes: bigint | undefined): string {
  return bytes === undefined ? "?" : `${(Number(bytes) / 2 ** 20).toFixed(1)} MiB`;
}

function milliseconds(nanos: bigint | undefined): number | undefined {
  return nanos === undefined || nanos === 0n ? undefined : Number(nanos / 1_000_000n);
}
