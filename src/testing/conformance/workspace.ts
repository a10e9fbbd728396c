import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import {
  create,
  type DescMessage,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { NamespaceMode } from "../../../gen/runtime/v1/api_pb.js";
import { unlessAborted } from "../../core/index.js";
import type { Cri } from "../../cri.js";
import type { AttachSession, ExecSession, SessionOptions } from "../../streaming/index.js";
import { fromTransportError } from "../../transport/index.js";
import { both, bounded, eventually } from "./bounded.js";
import { removeAll } from "./cleanup.js";
import type {
  CommandOptions,
  CommandResult,
  ConformanceContainer,
  ConformanceContext,
  ConformancePod,
  ContainerOptions,
  PodConfig,
  PodOptions,
  SharedStates,
} from "./context.js";
import { PodHandle } from "./handles.js";
import type { Site } from "./site.js";
import type { ConformanceCommands, ConformanceImages, ConformanceTarget } from "./target.js";

/** All that a case makes carries this label, with a value of the case's own. */
export const caseLabel = "cri-sdk.conformance";

/** A runtime that is busy tells how a command ended long after its output has: that is slow, and not wrong. */
const patient = { exitGraceMs: 30_000 };

/** The context of one case, and the removal of what the case left behind. */
export class Workspace implements ConformanceContext {
  readonly target: ConformanceTarget;
  readonly runtime: Cri["runtime"];
  readonly image: Cri["image"];
  readonly images: ConformanceImages;
  readonly commands: ConformanceCommands;
  readonly signal: AbortSignal;
  readonly portForward: Cri["portForward"];
  readonly #site: Site;
  readonly #token: string;
  readonly #cleanups: (() => unknown)[] = [];

  constructor(site: Site, signal: AbortSignal) {
    const { cri, images, commands } = site.target;
    this.#site = site;
    this.#token = site.name();
    this.target = site.target;
    this.images = images;
    this.commands = commands;
    this.signal = signal;
    this.runtime = bounded(cri.runtime, signal);
    this.image = bounded(cri.image, signal);
    this.portForward = (id, options) => {
      const forward = cri.portForward(id, { ...options, signal: both(signal, options) });
      this.defer(() => forward.close());
      return forward;
    };
  }

  exec(containerId: string, command: readonly string[], options: SessionOptions = {}): Promise<ExecSession> {
    return this.target.cri.exec(containerId, command, {
      ...patient,
      ...options,
      signal: both(this.signal, options),
    });
  }

  runCommand(
    containerId: string,
    command: readonly string[],
    options: CommandOptions = {},
  ): Promise<CommandResult> {
    const complete = { kill: false, ...patient, ...options, signal: both(this.signal, options) };
    return this.target.cri.runCommand(containerId, command, complete);
  }

  attach(containerId: string, options: SessionOptions = {}): Promise<AttachSession> {
    return this.target.cri.attach(containerId, { ...options, signal: both(this.signal, options) });
  }

  name(): string {
    return this.#site.name();
  }

  port(): number {
    return this.#site.port();
  }

  podConfig(options: PodOptions = {}): PodConfig {
    const { target } = this.#site;
    const uid = options.uid ?? randomUUID();
    const name = options.name ?? this.name();
    const namespace = options.namespace ?? "cri-sdk-conformance";
    const network = options.hostNetwork ? NamespaceMode.NODE : NamespaceMode.POD;
    return {
      metadata: { name, uid, namespace, attempt: options.attempt ?? 0 },
      logDirectory: `${this.#logs}/${uid}`,
      labels: {
        "io.kubernetes.pod.name": name,
        "io.kubernetes.pod.namespace": namespace,
        "io.kubernetes.pod.uid": uid,
        ...options.labels,
        ...this.#labels,
      },
      annotations: { ...options.annotations },
      linux: {
        ...(target.cgroupParent === undefined ? {} : { cgroupParent: `${target.cgroupParent}/${uid}` }),
        securityContext: {
          namespaceOptions: { network, pid: NamespaceMode.CONTAINER, ipc: NamespaceMode.POD },
        },
      },
    };
  }

  async pod(options?: PodOptions): Promise<ConformancePod> {
    await this.#site.mainImage();
    const config = this.podConfig(options);
    const { podSandboxId } = await this.runtime.runPodSandbox({ config });
    return new PodHandle(this, this.#labels, podSandboxId, config);
  }

  sharedPod(): Promise<ConformancePod> {
    return this.#borrow(this.#site.sharedPod());
  }

  stoppedPod(): Promise<ConformancePod> {
    return this.#borrow(this.#site.stoppedPod());
  }

  sharedContainer(): Promise<ConformanceContainer> {
    return unlessAborted(this.#site.sharedContainer(), this.signal);
  }

  sharedStates(): Promise<SharedStates> {
    return unlessAborted(this.#site.sharedStates(), this.signal);
  }

  async create(command: readonly string[], options?: ContainerOptions): Promise<ConformanceContainer> {
    return (await this.sharedPod()).create(command, options);
  }

  async start(command: readonly string[], options?: ContainerOptions): Promise<ConformanceContainer> {
    return (await this.sharedPod()).start(command, options);
  }

  async otherImage(): Promise<string> {
    const { other } = this.images;
    const turn = this.#site.turn();
    this.defer(async () => (await turn)());
    await unlessAborted(turn, this.signal);
    const remove = () => this.target.cri.image.removeImage({ image: { image: other } });
    await remove();
    this.defer(remove);
    return other;
  }

  async send<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
  ): Promise<MessageShape<O>> {
    const { transport, endpoint } = this.target.cri;
    const message = create(method.input, request);
    try {
      return (await transport.unary(method, this.signal, undefined, undefined, message)).message;
    } catch (error) {
      throw fromTransportError(error, { method: method.name, endpoint });
    }
  }

  eventually<T>(
    what: string,
    look: () => T | undefined | false | Promise<T | undefined | false>,
    withinMs = 10_000,
  ): Promise<T> {
    return eventually(what, look, withinMs, this.signal);
  }

  defer(cleanup: () => unknown): void {
    this.#cleanups.push(cleanup);
  }

  /** Removes all that the case made. Throws for what cannot be removed, after all of it was tried. */
  async close(): Promise<void> {
    const failures: unknown[] = [];
    const attempt = async (work: () => unknown) => {
      try {
        await work();
      } catch (error) {
        failures.push(error);
      }
    };
    await attempt(() => removeAll(this.target.cri, caseLabel, this.#token));
    for (const cleanup of this.#cleanups.splice(0).reverse()) await attempt(cleanup);
    await attempt(() => rm(this.#logs, { recursive: true, force: true }));
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1) throw new AggregateError(failures, failures.map(String).join("; "));
  }

  /** The shared pod as one of this case: what is made in it goes with the case. */
  async #borrow(shared: Promise<ConformancePod>): Promise<ConformancePod> {
    const { id, config } = await unlessAborted(shared, this.signal);
    return new PodHandle(this, this.#labels, id, config);
  }

  get #labels(): Record<string, string> {
    return { [caseLabel]: this.#token };
  }

  get #logs(): string {
    return `${this.target.directory}/${this.#token}`;
  }
}
