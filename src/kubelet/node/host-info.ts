import { arch, cpus, endianness, platform, release } from "node:os";
import type { HostFiles, HugePages, NodeSystemInfo } from "../../kubernetes/index.js";
import { hugePagesOf } from "../../kubernetes/index.js";

/** The fields of `status.nodeInfo` about the machine and its kernel. */
export type HostInfo = Pick<
  NodeSystemInfo,
  "architecture" | "bootID" | "kernelVersion" | "machineID" | "operatingSystem" | "osImage" | "systemUUID"
>;

/** The resources of the machine, which are read again for each status. */
export interface HostResources {
  readonly cpus: number;
  readonly hugePages: readonly HugePages[];
  /** The size of the file system of the kubelet's folder; undefined when it is unknown. */
  readonly fileSystemBytes: bigint | undefined;
}

/** Reads the facts that do not change while the machine runs. A file that the process may not read results in "", as in the kubelet. */
export async function readHostInfo(files: HostFiles): Promise<HostInfo> {
  const [bootID, machineID, systemUUID, osRelease] = await Promise.all([
    firstText(files, ["/proc/sys/kernel/random/boot_id"]),
    firstText(files, ["/etc/machine-id", "/var/lib/dbus/machine-id"]),
    // The first one can be read by root only; virtual machines of other architectures have the next two.
    firstText(files, [
      "/sys/class/dmi/id/product_uuid",
      "/proc/device-tree/system-id",
      "/proc/device-tree/vm,uuid",
      "/etc/machine-id",
    ]),
    firstText(files, ["/etc/os-release", "/usr/lib/os-release"]),
  ]);
  return {
    architecture: goArchitecture(arch(), endianness()),
    operatingSystem: goOperatingSystem(platform()),
    kernelVersion: release(),
    osImage: prettyName(osRelease),
    bootID,
    machineID,
    systemUUID,
  };
}

/** Reads the resources that may change while the machine runs. */
export async function readHostResources(files: HostFiles, rootDir: string): Promise<HostResources> {
  const [hugePages, fileSystemBytes] = await Promise.all([
    hugePagesOf(files),
    files.fileSystemBytes(rootDir),
  ]);
  return { cpus: cpus().length || 1, hugePages, fileSystemBytes };
}

/** Returns the text of the first file that has any, without white space and NUL at its ends. */
async function firstText(files: HostFiles, paths: readonly string[]): Promise<string> {
  for (const path of paths) {
    const text = (await files.text(path))?.replaceAll("\0", "").trim();
    if (text) return text;
  }
  return "";
}

/** Returns PRETTY_NAME of an os-release file; "Linux" without one. */
function prettyName(text: string): string {
  const [, quoted, plain] = /^PRETTY_NAME=(?:["'](.*)["']|(\S*))\s*$/m.exec(text) ?? [];
  return quoted ?? plain ?? "Linux";
}

/** Go's names of the architectures that Node names differently. */
const goArchitectures: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386", mipsel: "mipsle" };

/** Returns GOARCH for `os.arch()`: images and node selectors use it. */
export function goArchitecture(name: string, byteOrder: "BE" | "LE"): string {
  if (name === "ppc64" && byteOrder === "LE") return "ppc64le";
  return goArchitectures[name] ?? name;
}

/** Returns GOOS for `os.platform()`. */
function goOperatingSystem(name: string): string {
  return name === "win32" ? "windows" : name;
}
