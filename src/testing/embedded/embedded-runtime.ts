import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CriServer, ServeOptions, Services } from "../../server/index.js";
import type { RpcTransport } from "../../transport/index.js";
import { Daemon } from "../daemon.js";
import { AddressPool, IdGenerator } from "./allocators.js";
import type { Clock } from "./clock.js";
import type { Driver } from "./driver.js";
import { ErrorFactory } from "./errors.js";
import { Events } from "./events.js";
import { type CallLog, CallRecorder } from "./faults/call-log.js";
import { FaultInjector, type Faults } from "./faults/faults.js";
import { instrument } from "./faults/instrument.js";
import { hostDriver } from "./host/driver.js";
import { HostPorts } from "./host-ports.js";
import { containerImage, ImageStore, imageService } from "./images/index.js";
import { ObjectIndex } from "./object-index.js";
import type { Container, Sandbox } from "./objects.js";
import { type EmbeddedOptions, type ResolvedEmbeddedOptions, resolveEmbeddedOptions } from "./options.js";
import type { RuntimeState } from "./runtime-state.js";
import { scriptedDriver } from "./scripted/driver.js";
import { containerService } from "./services/containers.js";
import { DiskUsages } from "./services/disk-usage.js";
import { nodeService } from "./services/node.js";
import { sandboxService } from "./services/sandboxes.js";
import { statsService } from "./services/stats.js";
import { StreamingRpcs } from "./services/streaming.js";

/**
 * A CRI runtime inside this process, for tests and experiments. It implements all RPCs except CheckpointContainer,
 * CheckpointPod and RestorePod, and needs neither root nor downloads. Containers are functions of a test, or processes of
 * this host **without any isolation**: run only what you would run without a container. `await using` closes it with
 * everything in it.
 */
export class EmbeddedRuntime implements AsyncDisposable {
  /** A transport in memory, for `connect.through(runtime)`. Behaves like a socket. */
  readonly transport: RpcTransport;
  /** The handlers of all RPCs, for a server of your own. */
  readonly services: Services;
  /** Makes the runtime fail as real ones do. */
  readonly faults: Faults;
  /** The calls to this runtime. */
  readonly calls: CallLog;
  /** The images on its node. */
  readonly images: ImageStore;
  /** Its time source. */
  readonly clock: Clock;
  readonly #driver: Driver;
  readonly #daemon: Daemon;
  readonly #streaming: StreamingRpcs;
  readonly #events: Events;
  readonly #hostPorts: HostPorts;
  readonly #removeFolder: () => Promise<void>;
  #server: CriServer | undefined;
  #closing: Promise<void> | undefined;

  private constructor(options: ResolvedEmbeddedOptions, driver: Driver, removeFolder: () => Promise<void>) {
    const { clock, profile, catalogue, handlers, seed, callLimit, podStartMs } = options;
    const errors = new ErrorFactory(profile);
    this.clock = clock;
    this.#driver = driver;
    this.#removeFolder = removeFolder;
    this.#hostPorts = new HostPorts(driver, errors);
    this.#events = new Events(clock, profile.eventDelivery);
    const containers = new ObjectIndex<Container>("container", errors);
    const isUsed = (imageId: string) => [...containers.filter("")].some(({ image }) => image.id === imageId);
    this.images = new ImageStore({ catalogue, clock, profile, isUsed });
    for (const name of options.preload) this.images.preload(name);
    const state: RuntimeState = {
      ...{ profile, clock, driver, errors, handlers, podStartMs },
      gracePeriods: new Set(),
      events: this.#events,
      ids: new IdGenerator(seed ?? randomBytes(16).toString("hex")),
      addresses: new AddressPool(),
      hostPorts: this.#hostPorts,
      sandboxes: new ObjectIndex<Sandbox>("sandbox", errors),
      containers,
      resolveImage: (reference) => containerImage(this.images, reference),
    };
    this.#streaming = new StreamingRpcs(state);
    const disk = new DiskUsages(state);
    const calls = new CallRecorder(callLimit);
    const faults = new FaultInjector({
      crash: () => this.#crash(),
      restart: () => this.#restart(),
      dropEvents: (count) => {
        this.#events.dropNext = count;
      },
    });
    this.calls = calls;
    this.faults = faults;
    this.services = instrument(
      {
        runtime: {
          ...nodeService(state),
          ...sandboxService(state),
          ...containerService(state),
          ...statsService(state, disk),
          ...this.#streaming.service(),
        },
        image: imageService(this.images, {
          // The same folder as that of the containers: kubelets take two folders for two disks.
          mountpoint: driver.folder,
          containerFilesystems: async () => [disk.messageOf(await disk.ofAll())],
        }),
      },
      { faults, calls, clock, profile },
    );
    this.#daemon = new Daemon(this.services, "the embedded runtime (faults.crash)");
    this.transport = this.#daemon.transport;
  }

  /**
   * Starts a runtime. Rejects with `invalid_option` for invalid options and for a `stateDir` that cannot be used, with the
   * reasons of `ImageStore.preload`, and with those of `serve()` when `socket` is set.
   */
  static async start(options: EmbeddedOptions = {}): Promise<EmbeddedRuntime> {
    const resolved = resolveEmbeddedOptions(options);
    const { driver, removeFolder } = await openDriver(resolved);
    try {
      const runtime = new EmbeddedRuntime(resolved, driver, removeFolder);
      if (options.socket !== undefined) runtime.#server = await runtime.serve(options.socket);
      return runtime;
    } catch (error) {
      await driver[Symbol.asyncDispose]();
      await removeFolder();
      throw error;
    }
  }

  /** The endpoint of the option `socket`, for `connect()`; undefined without it. */
  get endpoint(): string | undefined {
    return this.#server?.endpoint;
  }

  /** Serves the runtime at another endpoint, too, until the runtime is closed. */
  serve(endpoint: string, options?: ServeOptions): Promise<CriServer> {
    return this.#daemon.serve(endpoint, options);
  }

  /** Ends all calls, sessions, containers and processes, and removes temporary folders. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** As `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    await Promise.all([this.#daemon.down(), this.#streaming.close(), this.#hostPorts.close()]);
    await this.#driver[Symbol.asyncDispose]();
    await this.#removeFolder();
  }

  async #crash(): Promise<void> {
    this.#events.muted = true;
    await Promise.all([this.#daemon.down(), this.#streaming.close()]);
  }

  async #restart(): Promise<void> {
    this.#events.muted = false;
    await this.#daemon.up();
  }
}

/** Creates the driver that the options select, and a function that removes its temporary folder. */
async function openDriver({ programs, clock, stateDir }: ResolvedEmbeddedOptions) {
  const nothingToRemove = async () => undefined;
  if (programs) return { driver: scriptedDriver(programs, clock), removeFolder: nothingToRemove };
  if (stateDir !== undefined)
    return { driver: await hostDriver({ stateDir }), removeFolder: nothingToRemove };
  const folder = await mkdtemp(join(tmpdir(), "cri-sdk-embedded-"));
  const removeFolder = () => rm(folder, { recursive: true, force: true });
  try {
    return { driver: await hostDriver({ stateDir: join(folder, "state") }), removeFolder };
  } catch (error) {
    await removeFolder();
    throw error;
  }
}
