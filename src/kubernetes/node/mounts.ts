import { readFileSync } from "node:fs";
import { realpath } from "node:fs/promises";
import { codeOf, sleep } from "../../core/index.js";
import { type MountEntry, mountsWithin, readMountTable } from "./mount-table.js";
import { checkExit, type Exit, runProgram } from "./programs.js";
import { volumeError } from "./volume-error.js";

/** How often a mount that is in use is tried again, and the pauses between. */
const busyPausesMs = [50, 200, 500];
const capSysAdmin = 21n;

/** Mounts and unmounts, by `mount(8)` and `umount(8)` of util-linux: Node has no such calls. */
export class Mounts {
  readonly #timeoutMs: number;
  /** Whether tmpfs can be kept out of the swap: since Linux 6.4. */
  #hasNoswap = true;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** Mounts a tmpfs. Without a size, it may use half of the node's memory. */
  async tmpfs(target: string, options: readonly string[]): Promise<void> {
    const mount = (extra: readonly string[]) => {
      const list = [...options, ...extra].join(",");
      return this.#run("mount", ["--no-canonicalize", "-t", "tmpfs", "-o", list, "--", "tmpfs", target]);
    };
    if (this.#hasNoswap && (await mount(["noswap"])).status === 0) return;
    checkExit(await mount([]), `mount a tmpfs at ${target}`);
    this.#hasNoswap = false;
  }

  /** Binds what a descriptor of this process has open. Mounts below it are not bound. */
  async bind(fd: number, target: string): Promise<void> {
    // The child's descriptor 3 is the same open file.
    const args = ["--no-canonicalize", "--bind", "--", "/proc/self/fd/3", target];
    checkExit(await this.#run("mount", args, fd), `bind to ${target}`);
  }

  /** Unmounts the last mount at a path; waits for a moment where it is in use. */
  async unmount(target: string): Promise<void> {
    for (const pauseMs of [...busyPausesMs, undefined]) {
      const exit = await this.#run("umount", ["--no-canonicalize", "--", target]);
      if (exit.status === 0 || /not mounted|no mount point specified/.test(exit.errors)) return;
      if (pauseMs === undefined || !/busy/.test(exit.errors)) checkExit(exit, `unmount ${target}`);
      else await sleep(pauseMs);
    }
  }

  /** Unmounts everything at and below a folder, from what the kernel reports. */
  async unmountWithin(folder: string): Promise<void> {
    // The kernel reports paths without links.
    const real = await realpath(folder).catch((error: unknown) => {
      if (codeOf(error) === "ENOENT") return undefined;
      throw error;
    });
    if (real === undefined) return;
    for (let left = Number.POSITIVE_INFINITY; ; ) {
      const found = mountsWithin(await readMountTable(), real);
      if (found.length === 0) return;
      if (found.length >= left) throw volumeError(real, "new mounts appear while they are removed");
      left = found.length;
      await this.#keepFromPeers(found);
      for (const { mountPoint } of found) await this.unmount(mountPoint);
    }
  }

  /** To unmount something below a bind mount of a shared tree would otherwise unmount it in the original, too. */
  async #keepFromPeers(found: readonly MountEntry[]): Promise<void> {
    for (const { id, mountPoint, isShared } of found)
      if (isShared && found.some(({ parentId }) => parentId === id))
        checkExit(
          await this.#run("mount", ["--no-canonicalize", "--make-private", "--", mountPoint]),
          `make ${mountPoint} private`,
        );
  }

  #run(program: string, args: readonly string[], fd?: number): Promise<Exit> {
    return runProgram(program, args, { fd, timeoutMs: this.#timeoutMs });
  }
}

/** Reports whether this process may mount: it needs CAP_SYS_ADMIN. */
export function mayMount(): boolean {
  if (process.platform !== "linux") return false;
  const status = readFileSync("/proc/self/status", "latin1");
  const capabilities = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  return process.geteuid?.() === 0 && ((capabilities >> capSysAdmin) & 1n) === 1n;
}
