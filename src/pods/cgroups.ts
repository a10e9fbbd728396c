import { readdir, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { CgroupDriver } from "../../gen/runtime/v1/api_pb.js";
import type { RuntimeClient } from "../clients/index.js";
import { isCriError } from "../core/index.js";
import { ignoreFileErrors } from "./host-logs.js";
import { member, parseJson } from "./verbose-info.js";

/** How a runtime creates cgroups: in cgroupfs, or through systemd. */
export type CgroupDriverName = "cgroupfs" | "systemd";

/** The cgroup drivers of a runtime, by runtime handler. Each is looked up once per connection. */
export class CgroupDrivers {
  readonly #runtime: Pick<RuntimeClient, "runtimeConfig" | "status">;
  readonly #known = new Map<string, CgroupDriverName | undefined>();

  constructor(runtime: Pick<RuntimeClient, "runtimeConfig" | "status">) {
    this.#runtime = runtime;
  }

  /**
   * Returns the driver from RuntimeConfig; from a runtime without this RPC (containerd before 2.0), from its configuration in the
   * verbose Status. Undefined when the runtime reports neither.
   */
  async of(runtimeHandler: string, signal?: AbortSignal): Promise<CgroupDriverName | undefined> {
    if (this.#known.has(runtimeHandler)) return this.#known.get(runtimeHandler);
    const driver =
      (await this.#fromRuntimeConfig(signal)) ?? (await this.#fromStatus(runtimeHandler, signal));
    this.#known.set(runtimeHandler, driver);
    return driver;
  }

  async #fromRuntimeConfig(signal?: AbortSignal): Promise<CgroupDriverName | undefined> {
    try {
      const { linux } = await this.#runtime.runtimeConfig({}, { signal });
      // SYSTEMD is the enum's zero value; only the presence of `linux` shows that it was set.
      if (!linux) return undefined;
      return linux.cgroupDriver === CgroupDriver.SYSTEMD ? "systemd" : "cgroupfs";
    } catch (error) {
      if (isCriError(error) && error.code === "unimplemented") return undefined;
      throw error;
    }
  }

  async #fromStatus(handler: string, signal?: AbortSignal): Promise<CgroupDriverName | undefined> {
    const { info } = await this.#runtime.status({ verbose: true }, { signal });
    const containerd = member(parseJson(info.config), "containerd");
    const name = handler || member(containerd, "defaultRuntimeName");
    if (typeof name !== "string") return undefined;
    const options = member(member(member(containerd, "runtimes"), name), "options");
    if (typeof options !== "object" || options === null) return undefined;
    return member(options, "SystemdCgroup") === true ? "systemd" : "cgroupfs";
  }
}

/** The root of the cgroups of this package's pods. Beside the kubelet's `kubepods`, where a kubelet removes unknown cgroups. */
export const cgroupRoot = ["cri-sdk"] as const;

/** Removes the cgroup of a removed pod, which runtimes leave behind. Only one below {@link cgroupRoot}, and only an empty one. */
export async function removePodCgroup(cgroupParent: string, uid: string): Promise<void> {
  const parts = cgroupParent.split("/").filter(Boolean);
  const isOurs = parts[0] === cgroupRoot[0] && parts.length === 2 && parts[1] === `pod${uid}`;
  // systemd removes a slice itself when its last unit ends.
  if (uid === "" || !isOurs) return;
  await ignoreFileErrors(async () => {
    const mount = "/sys/fs/cgroup";
    // Version 2 has one hierarchy at the mount itself; version 1 has one per controller below it.
    const hierarchies = [mount, ...(await readdir(mount)).map((name) => join(mount, name))];
    for (const hierarchy of hierarchies) await removeCgroup(join(hierarchy, ...parts));
  });
}

/** Removes a cgroup and its empty children, which older versions of runc leave behind. */
async function removeCgroup(path: string): Promise<void> {
  await ignoreFileErrors(async () => {
    for (const entry of await readdir(path, { withFileTypes: true }))
      if (entry.isDirectory()) await rmdir(join(path, entry.name));
    await rmdir(path);
  });
}
