// CRI's mounts and devices as those of the engine.
import { mkdir, realpath, stat } from "node:fs/promises";
import { criError } from "cri-sdk/server";
import { type Device, type Mount, MountPropagation } from "cri-sdk/v1";
import type { HostConfig, MountRequest } from "../engine/api.js";
import { messageOf, unsupported } from "../errors.js";

/** What the engine can do with mounts. */
export interface MountFeatures {
  /** API 1.44: read-only mounts are recursive unless one asks otherwise. */
  readonly recursiveReadOnly: boolean;
  /** API 1.48: the content of an image as a mount. */
  readonly images: boolean;
}

const propagations: Readonly<Record<MountPropagation, string>> = {
  [MountPropagation.PROPAGATION_PRIVATE]: "rprivate",
  [MountPropagation.PROPAGATION_HOST_TO_CONTAINER]: "rslave",
  [MountPropagation.PROPAGATION_BIDIRECTIONAL]: "rshared",
};

/** Returns the engine's mounts. Creates missing host paths as directories, as containerd and CRI-O do. */
export function engineMounts(mounts: readonly Mount[], features: MountFeatures): Promise<MountRequest[]> {
  return Promise.all(mounts.map((mount, index) => engineMount(mount, `mounts[${index}]`, features)));
}

async function engineMount(mount: Mount, field: string, features: MountFeatures): Promise<MountRequest> {
  const { hostPath, containerPath, readonly, recursiveReadOnly, image } = mount;
  if (!containerPath.startsWith("/"))
    throw criError(
      "invalid_request",
      `${field}.container_path: must be absolute, got ${JSON.stringify(containerPath)}`,
    );
  if (mount.uidMappings.length + mount.gidMappings.length > 0) throw lacking(field, "id mappings");
  if (mount.mountOptions.length > 0) throw lacking(field, "mount_options");
  if (image?.image) {
    if (!features.images) throw lacking(field, "images as volumes, which need Docker 28,");
    const subpath = mount.imageSubPath ? { ImageOptions: { Subpath: mount.imageSubPath } } : {};
    return { Type: "image", Source: image.image, Target: containerPath, ReadOnly: true, ...subpath };
  }
  if (!hostPath.startsWith("/"))
    throw criError(
      "invalid_request",
      `${field}.host_path: must be absolute, got ${JSON.stringify(hostPath)}`,
    );
  if (recursiveReadOnly && !features.recursiveReadOnly)
    throw lacking(field, "recursive_read_only, which needs Docker 25,");
  if (recursiveReadOnly && (!readonly || mount.propagation !== MountPropagation.PROPAGATION_PRIVATE))
    throw criError("invalid_request", `${field}.recursive_read_only: needs readonly and PROPAGATION_PRIVATE`);
  return {
    Type: "bind",
    Source: await existing(hostPath, field),
    Target: containerPath,
    ReadOnly: readonly,
    BindOptions: {
      Propagation: propagations[mount.propagation] ?? "rprivate",
      ...(features.recursiveReadOnly &&
        readonly &&
        (recursiveReadOnly ? { ReadOnlyForceRecursive: true } : { ReadOnlyNonRecursive: true })),
    },
  };
}

/** Returns the path without links. */
async function existing(path: string, field: string): Promise<string> {
  try {
    await stat(path).catch(() => mkdir(path, { recursive: true }));
    return await realpath(path);
  } catch (cause) {
    throw criError("runtime_error", `${field}.host_path: cannot be mounted: ${messageOf(cause)}`, {
      code: "invalid_argument",
      cause,
    });
  }
}

function lacking(field: string, what: string): Error {
  return unsupported(`${field}: this Docker Engine does not have ${what} for a mount`);
}

/** Returns the engine's devices. */
export function engineDevices(devices: readonly Device[]): NonNullable<HostConfig["Devices"]> {
  return devices.map(({ hostPath, containerPath, permissions }) => ({
    PathOnHost: hostPath,
    PathInContainer: containerPath || hostPath,
    CgroupPermissions: permissions || "rwm",
  }));
}
