import type { DiskUsage } from "../driver.js";
import type { Container } from "../objects.js";
import type { RuntimeState } from "../runtime-state.js";

/** As containerd: `stats_collect_period`. */
const periodNanos = 10_000_000_000n;

/** {@link DiskUsage} with the time of its measurement. */
export interface MeasuredDiskUsage extends DiskUsage {
  readonly at: bigint;
}

/** Measures the files of containers. A measurement is used for 10 seconds of the runtime's clock, because it reads all folders. */
export class DiskUsages {
  readonly #state: Pick<RuntimeState, "driver" | "clock" | "containers">;
  readonly #latest = new WeakMap<Container, { readonly at: bigint; readonly usage: Promise<DiskUsage> }>();

  constructor(state: Pick<RuntimeState, "driver" | "clock" | "containers">) {
    this.#state = state;
  }

  /** Converts a measurement to CRI's `FilesystemUsage`. */
  messageOf({ at, bytes, inodes }: MeasuredDiskUsage) {
    return {
      timestamp: at,
      fsId: { mountpoint: this.#state.driver.folder },
      usedBytes: { value: bytes },
      inodesUsed: { value: inodes },
    };
  }

  /** Returns the usage of a container. */
  async of(container: Container): Promise<MeasuredDiskUsage> {
    const { driver, clock } = this.#state;
    const now = clock.now();
    let latest = this.#latest.get(container);
    if (!latest || now - latest.at >= periodNanos) {
      latest = { at: now, usage: driver.diskUsage(container.driverContainer) };
      this.#latest.set(container, latest);
    }
    return { ...(await latest.usage), at: latest.at };
  }

  /** Returns the usage of all containers, whatever their state is. */
  async ofAll(): Promise<MeasuredDiskUsage> {
    let [bytes, inodes] = [0n, 0n];
    for (const container of [...this.#state.containers.filter("")]) {
      const usage = await this.of(container);
      bytes += usage.bytes;
      inodes += usage.inodes;
    }
    return { bytes, inodes, at: this.#state.clock.now() };
  }
}
