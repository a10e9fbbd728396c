import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { folderVariable } from "./daemon.js";

/** A process that belongs to a run. */
export interface OwnProcess {
  readonly pid: number;
  readonly command: string;
}

/**
 * Returns the processes of a run: those that inherited its folder in their environment (daemons, shims, runc, plugins)
 * and those whose root file system is inside the folder (containers).
 */
export function findProcesses(runDir: string): OwnProcess[] {
  const marker = `${folderVariable}=${runDir}\0`;
  return list("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) return [];
    const isOwn = `\0${read(`/proc/${name}/environ`)}`.includes(`\0${marker}`) || hasRootInside(name, runDir);
    if (!isOwn) return [];
    return [{ pid: Number(name), command: read(`/proc/${name}/cmdline`).replaceAll("\0", " ").trim() }];
  });
}

function hasRootInside(pid: string, runDir: string): boolean {
  const lines = read(`/proc/${pid}/mountinfo`).split("\n");
  return lines.some((line) => line.split(" ")[4] === "/" && line.includes(`=${runDir}/`));
}

/** Returns the mount points inside a folder, deepest first. */
export function findMounts(dir: string): string[] {
  const points = read("/proc/self/mountinfo")
    .split("\n")
    .map((line) => unescapeMount(line.split(" ")[4] ?? ""));
  // Mounts can be stacked on one mount point: the newest comes first.
  return points
    .filter((point) => point.startsWith(`${dir}/`))
    .reverse()
    .sort((a, b) => b.length - a.length);
}

/** Decodes the octal escapes of mountinfo for space, tab, newline and backslash. */
function unescapeMount(text: string): string {
  return text.replace(/\\(\d{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** Returns the mount points of the cgroup file systems: one per v1 controller, or the one of v2. */
export function cgroupMounts(): string[] {
  const lines = read("/proc/self/mountinfo").split("\n");
  return lines
    .filter((line) => / - cgroup2? /.test(line))
    .map((line) => unescapeMount(line.split(" ")[4] ?? ""));
}

/** The folders of a daemon that have an entry per sandbox or container: containerd's, then Docker's. */
const objectFolders = [
  "root/io.containerd.grpc.v1.cri/sandboxes",
  "root/io.containerd.grpc.v1.cri/containers",
  "data/containers",
];

/** Returns the ids of sandboxes and containers that have a folder in the run. */
export function findIds(runDir: string): string[] {
  const ids = new Set<string>();
  for (const daemon of list(runDir)) {
    for (const bundle of bundles(join(runDir, daemon))) ids.add(bundle.split("/").at(-1) ?? "");
    for (const parent of objectFolders) for (const id of list(join(runDir, daemon, parent))) ids.add(id);
  }
  return [...ids].filter((id) => /^[0-9a-f]{64}$/.test(id));
}

/** Returns the sockets of the run's shims, which have hashed names in a folder shared by all containerds. */
export function findShimSockets(runDir: string): string[] {
  const found = new Set<string>();
  for (const daemon of list(runDir)) {
    for (const bundle of bundles(join(runDir, daemon))) {
      const text = read(join(bundle, "address")) + read(join(bundle, "bootstrap.json"));
      for (const [, path = ""] of text.matchAll(/unix:\/\/(\/run\/containerd\/s\/[0-9a-f]{64})/g))
        found.add(path);
    }
  }
  return [...found];
}

/** Returns the bundles of running tasks, in all namespaces of a daemon's containerd. */
function bundles(daemonDir: string): string[] {
  const tasks = join(daemonDir, "state/io.containerd.runtime.v2.task");
  return list(tasks).flatMap((namespace) =>
    list(join(tasks, namespace)).map((id) => join(tasks, namespace, id)),
  );
}

/** Returns libcni's cached results for the run's pods, in a folder shared by all runtimes of a machine. */
export function findCniResults(runDir: string): string[] {
  const parent = "/var/lib/cni/results";
  return list(parent)
    .map((name) => join(parent, name))
    .filter((file) => read(file).includes(`${runDir}/`));
}

/** Returns the names of the entries or of the folders in a folder; empty if it is missing. */
export function list(dir: string, what: "all" | "folders" = "all"): string[] {
  try {
    const entries = readdirSync(dir, { withFileTypes: true });
    return entries.filter((entry) => what === "all" || entry.isDirectory()).map((entry) => entry.name);
  } catch {
    return [];
  }
}

/** Returns the text of a file; empty if the file is missing. */
export function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
