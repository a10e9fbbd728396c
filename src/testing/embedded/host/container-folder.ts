// The folder that stands for a container's root file system.
import { chmod, lstat, mkdir, readdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { isAbsolute, posix } from "node:path";
import { codeOf, criError, describe, messageOf } from "../../../core/index.js";
import type { DiskUsage, DriverContainer, DriverDns, ImageFiles } from "../driver.js";
import { invalidRequest } from "./errors.js";

/** A mount or device whose target in the rootfs has been checked. */
interface CheckedMount {
  readonly field: string;
  /** Relative to the rootfs, without a leading slash. */
  readonly target: string;
  /** "" for an image volume. */
  readonly hostPath: string;
  /** The content of an image volume. */
  readonly files: ImageFiles | undefined;
  readonly isDevice: boolean;
}

/**
 * Creates a container's folder below `folder`: a `rootfs` with the files of the image, a `tmp` folder, and a symbolic link for each mount
 * and device; an `etc/resolv.conf` where the pod has a DNS config; and `volumes` with the content of image volumes. Links cannot be
 * read-only, so the mounts of paths are writable whatever the config says. The files of image volumes have no write permission.
 */
export async function createRootfs(folder: string, container: DriverContainer): Promise<void> {
  const checked = checkMounts(container);
  for (const { field, hostPath, isDevice } of checked) if (isDevice) await checkDevice(field, hostPath);
  const rootfs = `${folder}/rootfs`;
  await mkdir(rootfs, { mode: 0o755 });
  await chmod(rootfs, 0o755);
  const isMounted = (path: string) =>
    checked.some(
      ({ target }) => `${path}/`.startsWith(`/${target}/`) || `/${target}/`.startsWith(`${path}/`),
    );
  for (const [path, content] of container.imageFiles)
    if (!isMounted(path)) await createFile(`${rootfs}${path}`, content, 0o755);
  const { dns } = container.pod;
  if (dns && !isMounted(resolvConf))
    await createFile(`${rootfs}${resolvConf}`, Buffer.from(formatDns(dns)), 0o644);
  for (const [index, { field, target, hostPath, files, isDevice }] of checked.entries()) {
    try {
      const source = files ? await createVolume(`${folder}/volumes/${index}`, files) : hostPath;
      if (!files && !isDevice) await createHostFolder(hostPath);
      await mkdir(`${rootfs}/${posix.dirname(target)}`, { recursive: true });
      await symlink(source, `${rootfs}/${target}`);
    } catch (cause) {
      const text = `${field}: cannot mount ${describe(files ? "the image" : hostPath)}: ${messageOf(cause)}`;
      throw criError("runtime_error", text, { code: "failed_precondition", cause });
    }
  }
  const tmp = `${rootfs}/tmp`;
  if (!(await lstat(tmp).catch(() => undefined))) await mkdir(tmp);
  if (!isMounted("/tmp")) await chmod(tmp, 0o1777);
}

/** Refuses what is not a device, or a folder of devices, in the words of real runtimes. */
async function checkDevice(field: string, path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isCharacterDevice() || found?.isBlockDevice() || found?.isDirectory()) return;
  const why = found ? `${describe(path)} is not a device node` : `lstat ${path}: no such file or directory`;
  throw invalidRequest(`${field}.host_path`, path, why);
}

const resolvConf = "/etc/resolv.conf";

/** Formats the content of a resolv.conf. */
export function formatDns({ servers, searches, options }: DriverDns): string {
  return [
    ...(searches.length > 0 ? [`search ${searches.join(" ")}`] : []),
    ...servers.map((server) => `nameserver ${server}`),
    ...(options.length > 0 ? [`options ${options.join(" ")}`] : []),
  ]
    .map((line) => `${line}\n`)
    .join("");
}

async function createFile(path: string, content: Uint8Array, mode: number): Promise<void> {
  await mkdir(posix.dirname(path), { recursive: true });
  await writeFile(path, content);
  // The process's umask must not decide what containers of other users can read.
  await chmod(path, mode);
}

/** Creates the folder of an image volume, without write permission. Returns its path. A volume of one file is that file. */
async function createVolume(path: string, files: ImageFiles): Promise<string> {
  await mkdir(posix.dirname(path), { recursive: true });
  const file = files.get("/");
  if (file) {
    await createFile(path, file, 0o555);
    return path;
  }
  await mkdir(path);
  for (const [name, content] of files) await createFile(`${path}${name}`, content, 0o555);
  await forbidWriting(path);
  return path;
}

async function forbidWriting(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true }))
    if (entry.isDirectory()) await forbidWriting(`${folder}/${entry.name}`);
  await chmod(folder, 0o555);
}

/** Checks all mounts and devices before the first folder is created. */
function checkMounts({ mounts, devices }: DriverContainer): CheckedMount[] {
  const checked: CheckedMount[] = [];
  const check = (field: string, source: Omit<CheckedMount, "field" | "target">, containerPath: string) => {
    const invalid = (name: string, value: string, message: string) =>
      invalidRequest(`${field}.${name}`, value, `${message}, got ${describe(value)}`);
    const { hostPath, files } = source;
    if (!files && !isAbsolute(hostPath)) throw invalid("host_path", hostPath, "must be an absolute path");
    const steps = containerPath.split("/").filter((step) => step !== "" && step !== ".");
    // Even a path that leaves the rootfs and re-enters it would be resolved through the links of other mounts.
    if (steps.includes("..")) throw invalid("container_path", containerPath, 'must not contain ".."');
    if (steps.length === 0)
      throw invalid("container_path", containerPath, "must not be the root of the container");
    const target = steps.join("/");
    const other = checked.find(
      (one) => `${target}/`.startsWith(`${one.target}/`) || `${one.target}/`.startsWith(`${target}/`),
    );
    // The link of a nested mount would be created in the host's folder.
    if (other)
      throw invalid("container_path", containerPath, `collides with ${other.field} at /${other.target}`);
    checked.push({ field, target, ...source });
  };
  for (const [index, { containerPath, hostPath, files }] of mounts.entries())
    check(`config.mounts[${index}]`, { hostPath, files, isDevice: false }, containerPath);
  for (const [index, { containerPath, hostPath }] of devices.entries())
    check(
      `config.devices[${index}]`,
      { hostPath, files: undefined, isDevice: true },
      containerPath || hostPath,
    );
  return checked;
}

async function createHostFolder(path: string): Promise<void> {
  try {
    await stat(path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
    await mkdir(path, { recursive: true });
  }
}

/** Measures a folder with its contents. Does not follow symbolic links: their targets belong to the host. */
export async function diskUsageOf(folder: string): Promise<DiskUsage> {
  let [bytes, inodes] = [0n, 0n];
  const pending = [folder];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    // Files come and go during the walk.
    const found = await lstat(next, { bigint: true }).catch(() => undefined);
    if (!found) continue;
    inodes++;
    bytes += found.blocks * 512n;
    if (!found.isDirectory()) continue;
    for (const name of await readdir(next).catch(() => [])) pending.push(`${next}/${name}`);
  }
  return { bytes, inodes };
}

/**
 * Removes a folder with its contents. Removes symbolic links without following them: their targets belong to the host.
 * Makes folders accessible first where their owner removed the permissions.
 */
export async function removeTree(path: string): Promise<void> {
  // Retries cover files that a killed process was still writing.
  const options = { recursive: true, force: true, maxRetries: 3, retryDelay: 20 };
  try {
    await rm(path, options);
  } catch (error) {
    if (!["EACCES", "EPERM"].includes(codeOf(error) ?? "")) throw error;
    await makeAccessible(path);
    await rm(path, options);
  }
}

async function makeAccessible(path: string): Promise<void> {
  if (!(await lstat(path)).isDirectory()) return;
  await chmod(path, 0o700);
  for (const entry of await readdir(path, { withFileTypes: true }))
    if (entry.isDirectory()) await makeAccessible(`${path}/${entry.name}`);
}
