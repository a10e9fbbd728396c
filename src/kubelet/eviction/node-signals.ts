import type { Cri } from "../../cri.js";
import { type Clock, HostFiles, meminfoBytes } from "../../kubernetes/index.js";
import { withClockDeadline } from "../clock-waits.js";
import { type DiskSpace, type MeasureDisk, measureDisk } from "../disk-space.js";
import type { Observation, SignalReader } from "./signals.js";

/** The dependencies of {@link nodeSignals}. */
export interface NodeSignalParts {
  readonly cri: { readonly images: Pick<Cri["images"], "fsInfo"> };
  readonly clock: Clock;
  /** The folder of pods' files: its file system is `nodefs`. */
  readonly rootDir: () => string;
  /** @default those of this host */
  readonly files?: Pick<HostFiles, "text"> | undefined;
  /** @default {@link measureDisk} */
  readonly measureDisk?: MeasureDisk | undefined;
}

/** A runtime that hangs must not delay the other signals for long. */
const fsInfoTimeoutMs = 10_000;

/**
 * Returns the reader of the signals of this host. Available memory is what the kubelet counts: free memory and inactive file caches. The
 * file systems of images and containers are those that the runtime reports; without a response they are missing.
 */
export function nodeSignals(parts: NodeSignalParts): SignalReader {
  const { cri, clock, rootDir, files = new HostFiles(), measureDisk: measure = measureDisk } = parts;
  return async (signal) => {
    const [memory, pids, nodefs, info] = await Promise.all([
      memorySignal(files),
      pidSignal(files),
      measure(rootDir()),
      withClockDeadline(clock, fsInfoTimeoutMs, signal, "ImageFsInfo", (aborted) =>
        cri.images.fsInfo({ signal: aborted, timeoutMs: 0 }),
      ).catch(() => undefined),
    ]);
    signal.throwIfAborted();
    const spaceOf = async (mountpoint: string | undefined) =>
      mountpoint ? await measure(mountpoint) : undefined;
    const [imagefs, containerfs] = await Promise.all([
      spaceOf(info?.images[0]?.mountpoint),
      spaceOf(info?.containers[0]?.mountpoint),
    ]);
    const all = {
      "memory.available": memory,
      "pid.available": pids,
      ...diskSignals("nodefs", nodefs),
      ...diskSignals("imagefs", imagefs),
      ...diskSignals("containerfs", containerfs),
    };
    return {
      signals: Object.fromEntries(Object.entries(all).filter(([, observation]) => observation !== undefined)),
      hasOwnImageFs: areDifferent(nodefs, imagefs),
      hasOwnContainerFs: areDifferent(imagefs, containerfs),
    };
  };
}

async function memorySignal(files: Pick<HostFiles, "text">): Promise<Observation | undefined> {
  const text = (await files.text("/proc/meminfo")) ?? "";
  const bytes = (name: string) => meminfoBytes(text, name);
  const [capacity, free, inactiveFile] = [bytes("MemTotal"), bytes("MemFree"), bytes("Inactive(file)")];
  if (capacity === undefined || free === undefined) return undefined;
  return { capacity, available: free + (inactiveFile ?? 0n) };
}

async function pidSignal(files: Pick<HostFiles, "text">): Promise<Observation | undefined> {
  const [pidMax, threadsMax, load] = await Promise.all(
    ["/proc/sys/kernel/pid_max", "/proc/sys/kernel/threads-max", "/proc/loadavg"].map((path) =>
      files.text(path),
    ),
  );
  const limits = [pidMax, threadsMax].flatMap((text) => /^\d+/.exec(text ?? "")?.[0] ?? []).map(BigInt);
  // The fourth field: running and existing threads.
  const used = /^\S+ \S+ \S+ \d+\/(\d+) /.exec(load ?? "")?.[1];
  if (limits.length === 0 || used === undefined) return undefined;
  const capacity = limits.reduce((least, limit) => (limit < least ? limit : least));
  return { capacity, available: capacity - BigInt(used) };
}

function diskSignals(name: "nodefs" | "imagefs" | "containerfs", space: DiskSpace | undefined) {
  if (!space) return {};
  const { availableBytes, capacityBytes, inodes, inodesFree } = space;
  return {
    [`${name}.available`]: { available: availableBytes, capacity: capacityBytes },
    // File systems that create inodes on demand have none to run out of.
    ...(inodes > 0n ? { [`${name}.inodesFree`]: { available: inodesFree, capacity: inodes } } : {}),
  };
}

function areDifferent(one: DiskSpace | undefined, other: DiskSpace | undefined): boolean {
  return one !== undefined && other !== undefined && one.device !== other.device;
}
