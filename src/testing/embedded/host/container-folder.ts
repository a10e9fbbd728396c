import { chmod, lstat, mkdir, stat, symlink } from "node:fs/promises";
import { isAbsolute, posix } from "node:path";
import { CriError, describe } from "../../../core/index.js";
import type { DriverMount } from "../driver.js";
import { invalidRequest, systemCode } from "./failures.js";

/** A mount whose place in the rootfs is known: its path without the slash at the beginning. */
interface PlacedMount {
  readonly field: string;
  readonly place: string;
  readonly hostPath: string;
}

/**
 * Fills a container's rootfs: a `tmp`, and each mount as a symbolic link. That a mount is read-only cannot be held with
 * links, and is not.
 */
export async function fillRootfs(rootfs: string, mounts: readonly DriverMount[]): Promise<void> {
  const placed = placeMounts(mounts);
  await mkdir(rootfs, { mode: 0o755 });
  await chmod(rootfs, 0o755);
  for (const { field, place, hostPath } of placed) {
    try {
      await makeHostFolder(hostPath);
      await mkdir(`${rootfs}/${posix.dirname(place)}`, { recursive: true });
      await symlink(hostPath, `${rootfs}/${place}`);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      const text = `${field} (${describe(hostPath)}) cannot be mounted: ${why}`;
      throw new CriError({ code: "failed_precondition", reason: "runtime_error", text, cause });
    }
  }
  const tmp = `${rootfs}/tmp`;
  if (await lstat(tmp).catch(() => undefined)) return;
  await mkdir(tmp);
  await chmod(tmp, 0o1777);
}

/** Checks all mounts before anything is made for the first. */
function placeMounts(mounts: readonly DriverMount[]): PlacedMount[] {
  const placed: PlacedMount[] = [];
  for (const [at, { containerPath, hostPath }] of mounts.entries()) {
    const field = `config.mounts[${at}]`;
    const refuse = (name: string, value: string, why: string) =>
      invalidRequest(`${field}.${name}`, value, `${why}, got ${describe(value)}`);
    if (!isAbsolute(hostPath)) throw refuse("host_path", hostPath, "must be an absolute path");
    const steps = containerPath.split("/").filter((step) => step !== "" && step !== ".");
    // A path that leads out and in again would have links of other mounts decide where it leads.
    if (steps.includes(".."))
      throw refuse("container_path", containerPath, 'must not leave the rootfs with ".."');
    if (steps.length === 0)
      throw refuse("container_path", containerPath, "must not be the root of the container");
    const place = steps.join("/");
    const other = placed.find(
      (one) => `${place}/`.startsWith(`${one.place}/`) || `${one.place}/`.startsWith(`${place}/`),
    );
    // Where one is inside the other, its link would be made in the host's own folder.
    if (other)
      throw refuse("container_path", containerPath, `collides with ${other.field} at /${other.place}`);
    placed.push({ field, place, hostPath });
  }
  return placed;
}

async function makeHostFolder(path: string): Promise<void> {
  try {
    await stat(path);
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw error;
    await mkdir(path, { recursive: true });
  }
}
