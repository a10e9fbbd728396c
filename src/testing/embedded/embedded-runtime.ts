import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CriServer, ServeOptions, Services } from "../../server/index.js";
import type { RpcTransport } from "../../transport/index.js";
import { Addresses } from "./addresses.js";
import type { Clock } from "./clock.js";
import { Daemon } from "./daemon.js";
import type { Driver } from "./driver.js";
import { Events } from "./events.js";
import { CallLog } from "./faults/call-log.js";
import { Faults } from "./faults/faults.js";
import { instrument } from "./faults/instrument.js";
import { hostDriver } from "./host/index.js";
import { Ids } from "./ids.js";
import { containerImage, ImageStore, imageService } from "./images/index.js";
import type { Machine } from "./machine.js";
import type { Container } from "./objects/container.js";
import { Registry } from "./objects/registry.js";
import type { Sandbox } from "./objects/sandbox.js";
import { type EmbeddedOptions, type ResolvedEmbeddedOptions, resolveEmbeddedOptions } from "./options.js";
import { Refusals } from "./refusals.js";
import { scriptedDriver } from "./scripted/driver.js";
import { containerService } from "./services/containers.js";
import { nodeService } from "./services/node.js";
import { sandboxService } from "./services/sandboxes.js";
import { statsService } from "./services/stats.js";
import { Streaming } from "./services/streaming.js";

/**
 * A CRI runtime inside this process, for tests and laptops: all of CRI's RPCs, without root, without images to download.
 * Containers are processes of this host, or functions of a test; **nothing is isolated**, so run only what you would run
 * without a container, too. `await using` ends it, and everything in it.
 */
export class EmbeddedRuntime implements AsyncDisposable {
  /** Calls the runtime in memory: `connect.through(runtime)`. The same as over a socket otherwise. */
  readonly transport: RpcTransport;
  /** Its handlers, for a server of your own. */
  readonly services: Services;
  /** Makes it fail as real runtimes do. */
  readonly faults: Faults;
  /** The calls that were made to it. */
  readonly calls: CallLog;
  /** The images on its node. */
  readonly images: ImageStore;
  /** The time that it lives by. */
  readonly clock: Clock;
  readonly #driver: Driver;
  readonly #daemon: Daemon;
  readonly #streaming: Streaming;
  readonly #events: Events;
  readonly #undo: () => Promise<void>;
  #server: CriServer | undefined;
  #closing: Promise<void> | undefined;

  private constructor(options: ResolvedEmbeddedOptions, driver: Driver, undo: () => Promise<void>) {
    const { clock, profile, catalogue, handlers, seed, callLimit } = options;
    const refusals = new Refusals(profile);
    this.clock = clock;
    this.#driver = driver;
    this.#undo = undo;
    this.#events = new Events(clock, profile.events);
    this.images = new ImageStore({ catalogue, clock, profile });
    for (const name of options.preload) this.images.preload(name);
    const machine: Machine = {
      ...{ profile, clock, driver, refusals, handlers },
      events: this.#events,
      ids: new Ids(seed ?? randomBytes(16).toString("hex")),
      addresses: new Addresses(),
      sandboxes: new Registry<Sandbox>("sandbox", refusals),
      containers: new Registry<Container>("container", refusals),
      resolveImage: (reference) => containerImage(this.images, reference),
    };
    this.#streaming = new Streaming(machine);
    this.calls = new CallLog(callLimit);
    this.faults = new Faults({
      crash: () => this.#crash(),
      restart: () => this.#restart(),
      dropEvents: (count) => {
        this.#events.dropNext = count;
      },
    });
    this.services = instrument(
      {
        runtime: {
          ...nodeService(machine),
          ...sandboxService(machine),
          ...containerService(machine),
          ...statsService(machine),
          ...this.#streaming.service(),
        },
        image: imageService(this.images),
      },
      { faults: this.faults, calls: this.calls, clock, unimplemented: profile.unimplemented },
    );
    this.#daemon = new Daemon(this.services);
    this.transport = this.#daemon.transport;
  }

  /**
   * Starts a runtime. Rejects with `invalid_option`; with what the state directory is refused for (in use, broken, not
   * this runtime's); and as `serve()` does where `socket` is given.
   */
  static async start(options: EmbeddedOptions = {}): Promise<EmbeddedRuntime> {
    const resolved = resolveEmbeddedOptions(options);
    const { driver, undo } = await openDriver(resolved);
    try {
      const runtime = new EmbeddedRuntime(resolved, driver, undo);
      if (options.socket !== undefined) runtime.#server = await runtime.serve(options.socket);
      return runtime;
    } catch (error) {
      await driver[Symbol.asyncDispose]();
      await undo();
      throw error;
    }
  }

  /** The socket's endpoint, for `connect()`; undefined where `socket` was not given. */
  get endpoint(): string | undefined {
    return this.#server?.endpoint;
  }

  /** Serves it at another endpoint, too. It is closed with the runtime. */
  serve(endpoint: string, options?: ServeOptions): Promise<CriServer> {
    return this.#daemon.serve(endpoint, options);
  }

  /** Ends every call, session, container and process, and removes its folders. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    await Promise.all([this.#daemon.down(), this.#streaming.close()]);
    await this.#driver[Symbol.asyncDispose]();
    await this.#undo();
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

async function openDriver({ programs, clock, stateDir }: ResolvedEmbeddedOptions) {
  if (programs) return { driver: scriptedDriver(programs, clock), undo: async () => undefined };
  if (stateDir !== undefined) return { driver: await hostDriver({ stateDir }), undo: async () => undefined };
  const folder = await mkdtemp(join(tmpdir(), "cri-sdk-embedded-"));
  const undo = () => rm(folder, { recursive: true, force: true });
  try {
    return { driver: await hostDriver({ stateDir: join(folder, "state") }), undo };
  } catch (error) {
    await undo();
    throw error;
  }
}
