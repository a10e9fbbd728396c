import { CgroupDriver } from "../../gen/runtime/v1/api_pb.js";
import type { RuntimeClient } from "../clients/index.js";
import { isCriError } from "../core/index.js";

/** How a runtime makes cgroups: by writing into cgroupfs, or by asking systemd. */
export type CgroupDriverName = "cgroupfs" | "systemd";

/** Finds out, once for a connection, how a runtime makes cgroups. */
export class CgroupDrivers {
  readonly #runtime: Pick<RuntimeClient, "runtimeConfig" | "status">;
  readonly #known = new Map<string, CgroupDriverName | undefined>();

  constructor(runtime: Pick<RuntimeClient, "runtimeConfig" | "status">) {
    this.#runtime = runtime;
  }

  /**
   * The driver, by RuntimeConfig; from a runtime that lacks it (containerd before 2.0), by its configuration in the verbose
   * Status. Undefined when it does not tell: then no cgroup can be named for it.
   */
  async of(runtimeHandler: string, signal?: AbortSignal): Promise<CgroupDriverName | undefined> {
    if (this.#known.has(runtimeHandler)) return this.#known.get(runtimeHandler);
    const driver = (await this.#told(signal)) ?? (await this.#configured(runtimeHandler, signal));
    this.#known.set(runtimeHandler, driver);
    return driver;
  }

  async #told(signal?: AbortSignal): Promise<CgroupDriverName | undefined> {
    try {
      const { linux } = await this.#runtime.runtimeConfig({}, { signal });
      // SYSTEMD is the zero value: only the message around it tells "systemd" from "not said".
      if (!linux) return undefined;
      return linux.cgroupDriver === CgroupDriver.SYSTEMD ? "systemd" : "cgroupfs";
    } catch (error) {
      if (isCriError(error) && error.code === "unimplemented") return undefined;
      throw error;
    }
  }

  async #configured(handler: string, signal?: AbortSignal): Promise<CgroupDriverName | undefined> {
    const { info } = await this.#runtime.status({ verbose: true }, { signal });
    const containerd = at(parsed(info.config), "containerd");
    const name = handler || at(containerd, "defaultRuntimeName");
    if (typeof name !== "string") return undefined;
    const options = at(at(at(containerd, "runtimes"), name), "options");
    if (typeof options !== "object" || options === null) return undefined;
    return at(options, "SystemdCgroup") === true ? "systemd" : "cgroupfs";
  }
}

function parsed(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "null");
  } catch {
    return undefined;
  }
}

function at(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null
    ? (value as Readonly<Record<string, unknown>>)[key]
    : undefined;
}
