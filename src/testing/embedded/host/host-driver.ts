import type { Duplex } from "node:stream";
import { CriError, describe } from "../../../core/index.js";
import type {
  Driver,
  DriverContainer,
  DriverPod,
  DriverProcess,
  ProcessSpec,
  ResourceUsage,
} from "../driver.js";
import type { Claim } from "./belonging.js";
import { connectPort } from "./connect-port.js";
import { killAtExit } from "./exit-guard.js";
import { invalidRequest, wrongState } from "./failures.js";
import { HostContainer } from "./host-container.js";
import { Pipes } from "./pipes.js";
import { recover } from "./recovery.js";
import { openStateFolder, type StateFolder } from "./state-folder.js";
import { sweep } from "./sweep.js";

/** Where a host driver keeps what it has. */
export interface HostDriverOptions {
  /**
   * The folder of this driver and of no other: made if it is missing, refused if it holds anything of others. What an
   * earlier process left in it, and its processes, are ended and removed.
   */
  readonly stateDir: string;
}

/**
 * A driver whose containers are processes of this host, as they are: they see its files, its network and its other
 * processes. A container is a folder with its mounts as links, which {@link rootfsName} tells its processes; a limit of
 * CPU or memory, a read-only mount or a capability is not enforced.
 *
 * Every process carries a marker in its environment, by which it is found again, also by the next driver on this folder
 * when this process was killed. The first process of a container is its main one: when it ends, all others are killed.
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
  readonly #folder: StateFolder;
  readonly #pipes = new Pipes();
  readonly #containers = new Map<string, HostContainer>();
  readonly #stopGuard: () => void;
  #closing: Promise<void> | undefined;

  constructor(folder: StateFolder) {
    this.#folder = folder;
    this.#stopGuard = killAtExit(() => this.#claim());
  }

  async create(container: DriverContainer): Promise<void> {
    this.#refuseWhenClosed();
    const { id } = container;
    if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/.test(id))
      throw invalidRequest("id", id, `must be the name of a folder, got ${describe(id)}`);
    if (this.#containers.has(id)) {
      const text = `there is a container ${id} already`;
      throw new CriError({ code: "already_exists", reason: "name_reserved", text, existingId: id });
    }
    const made = new HostContainer(container, this.#folder, this.#pipes);
    this.#containers.set(id, made);
    try {
      await made.create();
    } catch (error) {
      this.#containers.delete(id);
      throw error;
    }
  }

  async start(container: DriverContainer, process: ProcessSpec): Promise<DriverProcess> {
    this.#refuseWhenClosed();
    const found = this.#containers.get(container.id);
    if (!found) {
      const text = `there is no container ${container.id}`;
      throw new CriError({ code: "not_found", reason: "object_missing", text });
    }
    return found.start(process);
  }

  async remove({ id }: DriverContainer): Promise<void> {
    const container = this.#containers.get(id);
    if (!container) return;
    await container.remove();
    this.#containers.delete(id);
  }

  async connect({ id, ip }: DriverPod, port: number): Promise<Duplex> {
    return connectPort(ip, port, async () => {
      const ofPod = [...this.#containers.values()].filter(({ told }) => told.pod.id === id);
      const running = await Promise.all(ofPod.map((container) => container.processes()));
      return running.flat().map(({ pid }) => pid);
    });
  }

  async usage({ id }: DriverContainer): Promise<ResourceUsage | undefined> {
    return this.#containers.get(id)?.usage();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const outcomes = await Promise.allSettled(
      [...this.#containers.values()].map((one) => this.remove(one.told)),
    );
    await sweep(() => this.#claim());
    this.#pipes.close();
    this.#stopGuard();
    this.#folder.unlock();
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  }

  #claim(): Claim {
    const sessions = [...this.#containers.values()].flatMap(({ claim }) => claim.sessions);
    return { marker: `${this.#folder.id}/`, sessions };
  }

  #refuseWhenClosed(): void {
    if (this.#closing) throw wrongState("the driver was closed");
  }
}
