import type { Duplex } from "node:stream";
import { criError, describe, sleep } from "../../../core/index.js";
import type {
  DetailedUsage,
  DiskUsage,
  Driver,
  DriverContainer,
  DriverPod,
  DriverProcess,
  DriverUser,
  ProcessSpec,
  ResourceUsage,
} from "../driver.js";
import { HostContainer } from "./container.js";
import { invalidRequest, wrongState } from "./errors.js";
import { killOwned, killOwnedAtExit, ownedProcesses, type ProcessClaim } from "./owned-processes.js";
import { Pipes } from "./pipes.js";
import { connectPort } from "./ports.js";
import { type HostProcessEntry, KnownProcesses, readUnknownProcesses } from "./process-table.js";
import { recover } from "./recovery.js";
import { openStateFolder, type StateFolder } from "./state-folder.js";

/** Options of {@link hostDriver}. */
export interface HostDriverOptions {
  /**
   * The directory for the state of this driver; created if it does not exist. Rejected if it contains other files, or if
   * another driver uses it. Processes and containers of an earlier driver are killed and removed.
   */
  readonly stateDir: string;
}

/**
 * Creates a driver whose containers are plain processes of this host, without isolation: they see its files, network and
 * processes. A container is a folder with its mounts as symbolic links; its processes find the folder by `CRI_SDK_ROOTFS`, and the
 * address of their pod by `CRI_SDK_POD_IP`. In their arguments and environment, the paths of mounts are replaced by those in the folder.
 * CPU and memory limits, read-only mounts and capabilities are not enforced.
 *
 * Every process carries a marker in its environment. By the marker this driver finds it again, and so does the next driver
 * on the same directory if this process is killed. When a container's main process exits, all its other processes are
 * killed.
 */
export async function hostDriver({ stateDir }: HostDriverOptions): Promise<Driver> {
  const folder = await openStateFolder(stateDir);
  try {
    await recover(folder);
  } catch (error) {
    folder.unlock();
    throw error;
  }
  return new HostDriver(folder);
}

class HostDriver implements Driver {
  readonly kind = "host";
  readonly notice = "containers are processes of this host, without any isolation";
  readonly folder: string;
  readonly sharesHostPorts = true;
  readonly #state: StateFolder;
  readonly #pipes = new Pipes();
  readonly #known = new KnownProcesses();
  readonly #containers = new Map<string, HostContainer>();
  readonly #cancelKillAtExit: () => void;
  #closing: Promise<void> | undefined;
  #scan: Promise<readonly HostProcessEntry[]> | undefined;

  constructor(folder: StateFolder) {
    this.folder = folder.path;
    this.#state = folder;
    this.#cancelKillAtExit = killOwnedAtExit(() => this.#claim());
  }

  async create(config: DriverContainer): Promise<DriverUser> {
    this.#checkOpen();
    const { id } = config;
    if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/.test(id))
      throw invalidRequest("id", id, `must be usable as the name of a folder, got ${describe(id)}`);
    if (this.#containers.has(id))
      throw criError("name_reserved", `container ${id} exists already`, { existingId: id });
    const container = new HostContainer(config, this.#state, this.#pipes);
    this.#containers.set(id, container);
    try {
      return await container.create();
    } catch (error) {
      this.#containers.delete(id);
      throw error;
    }
  }

  async start({ id }: DriverContainer, spec: ProcessSpec): Promise<DriverProcess> {
    this.#checkOpen();
    const container = this.#containers.get(id);
    if (!container) throw criError("object_missing", `container ${id} does not exist`);
    return container.start(spec);
  }

  async remove({ id }: DriverContainer): Promise<void> {
    const container = this.#containers.get(id);
    if (!container) return;
    await container.remove();
    this.#containers.delete(id);
  }

  async connect({ id, ip }: DriverPod, port: number): Promise<Duplex> {
    return connectPort(ip, port, async () => {
      const ofPod = [...this.#containers.values()].filter(({ config }) => config.pod.id === id);
      const running = await Promise.all(ofPod.map((container) => container.processes()));
      return running.flat().map(({ pid }) => pid);
    });
  }

  usage({ id }: DriverContainer): Promise<ResourceUsage | undefined> {
    return settled(async () => this.#containers.get(id)?.usage(await this.#processes()));
  }

  /** Lists the running processes of all containers. Calls of one turn of the event loop share a scan of the host. */
  #processes(): Promise<readonly HostProcessEntry[]> {
    this.#scan ??= Promise.resolve().then(async () => {
      this.#scan = undefined;
      const owned = ownedProcesses(await readUnknownProcesses(this.#known), this.#claim());
      this.#known.endScan(owned);
      return owned;
    });
    return this.#scan;
  }

  detailedUsage({ id }: DriverContainer): Promise<DetailedUsage | undefined> {
    return settled(async () => this.#containers.get(id)?.detailedUsage());
  }

  async diskUsage({ id }: DriverContainer): Promise<DiskUsage> {
    return this.#containers.get(id)?.diskUsage() ?? { bytes: 0n, inodes: 0n };
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const outcomes = await Promise.allSettled(
      [...this.#containers.values()].map(({ config }) => this.remove(config)),
    );
    await killOwned(() => this.#claim());
    this.#pipes.close();
    this.#cancelKillAtExit();
    this.#state.unlock();
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  }

  #claim(): ProcessClaim {
    const sessions = [...this.#containers.values()].flatMap(({ claim }) => claim.sessions);
    return { marker: `${this.#state.id}/`, sessions };
  }

  #checkOpen(): void {
    if (this.#closing) throw wrongState("the driver is closed");
  }
}

/** Measures again while processes have no memory, as for a moment in the middle of an exec; then the usage is unknown. */
async function settled<T extends ResourceUsage>(
  measure: () => Promise<T | undefined>,
): Promise<T | undefined> {
  let usage = await measure();
  for (let attempt = 0; usage?.memoryBytes === 0n && attempt < 12; attempt++) {
    await sleep(2 + attempt);
    usage = await measure();
  }
  return usage?.memoryBytes === 0n ? undefined : usage;
}
