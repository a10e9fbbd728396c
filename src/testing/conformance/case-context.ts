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
import {
  type CallOptions,
  checkArgument,
  checkCommand,
  OptionTable,
  option,
  raceAbort,
} from "../../core/index.js";
import type { Cri } from "../../cri.js";
import type { AttachSession, ExecSession, SessionOptions } from "../../streaming/index.js";
import { fromTransportError } from "../../transport/index.js";
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
  SharedResources,
  SharedStates,
} from "./context.js";
import { eventually } from "./eventually.js";
import { PodHandle } from "./handles.js";
import type { ConformanceCommands, ConformanceImages, ConformanceTarget } from "./target.js";

/** The label of everything that a case creates; its value is unique to the case. */
export const caseLabel = "cri-sdk.conformance";

/** A busy runtime may report a command's exit code long after its output; that is slow but not a violation. */
const patient = { exitGraceMs: 30_000 };

const podTable = new OptionTable<PodOptions>({
  name: option.string,
  namespace: option.string,
  uid: option.string,
  attempt: option.wholeNumber(0),
  labels: option.recordOf(option.string),
  annotations: option.recordOf(option.string),
  hostNetwork: option.boolean,
});

/** The context of one case, with the clean-up of everything that the case created. */
export class CaseContext implements ConformanceContext {
  readonly target: ConformanceTarget;
  readonly runtime: Cri["runtime"];
  readonly image: Cri["image"];
  readonly images: ConformanceImages;
  readonly commands: ConformanceCommands;
  readonly signal: AbortSignal;
  readonly portForward: Cri["portForward"];
  readonly #shared: SharedResources;
  readonly #token: string;
  readonly #cleanups: (() => unknown)[] = [];

  constructor(shared: SharedResources, signal: AbortSignal) {
    const { cri, images, commands } = shared.target;
    this.#shared = shared;
    this.#token = shared.name();
    this.target = shared.target;
    this.images = images;
    this.commands = commands;
    this.signal = signal;
    this.runtime = callsUntil(cri.runtime, signal);
    this.image = callsUntil(cri.image, signal);
    this.portForward = (id, options) => {
      const forward = cri.portForward(id, boundBy(signal, options));
      this.defer(() => forward.close());
      return forward;
    };
  }

  exec(containerId: string, command: readonly string[], options: SessionOptions = {}): Promise<ExecSession> {
    return this.target.cri.exec(containerId, command, boundBy(this.signal, options, patient));
  }

  runCommand(
    containerId: string,
    command: readonly string[],
    options: CommandOptions = {},
  ): Promise<CommandResult> {
    return this.target.cri.runCommand(containerId, command, boundBy(this.signal, options, patient));
  }

  attach(containerId: string, options: SessionOptions = {}): Promise<AttachSession> {
    return this.target.cri.attach(containerId, boundBy(this.signal, options));
  }

  name(): string {
    return this.#shared.name();
  }

  port(): number {
    return this.#shared.port();
  }

  podConfig(options: PodOptions = {}): PodConfig {
    podTable.check("podConfig", options);
    const { target } = this.#shared;
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
    await this.#shared.mainImage();
    const config = this.podConfig(options);
    const { podSandboxId } = await this.runtime.runPodSandbox({ config });
    return new PodHandle(this, this.#labels, podSandboxId, config);
  }

  sharedPod(): Promise<ConformancePod> {
    return this.#borrow(this.#shared.sharedPod());
  }

  stoppedPod(): Promise<ConformancePod> {
    return this.#borrow(this.#shared.stoppedPod());
  }

  sharedContainer(): Promise<ConformanceContainer> {
    return raceAbort(this.#shared.sharedContainer(), this.signal);
  }

  sharedStates(): Promise<SharedStates> {
    return raceAbort(this.#shared.sharedStates(), this.signal);
  }

  async create(command: readonly string[], options?: ContainerOptions): Promise<ConformanceContainer> {
    checkCommand("ConformanceContext.create", command);
    return (await this.sharedPod()).create(command, options);
  }

  async start(command: readonly string[], options?: ContainerOptions): Promise<ConformanceContainer> {
    checkCommand("ConformanceContext.start", command);
    return (await this.sharedPod()).start(command, options);
  }

  async otherImage(): Promise<string> {
    const { other } = this.images;
    const lock = this.#shared.lockOtherImage();
    this.defer(async () => (await lock)());
    await raceAbort(lock, this.signal);
    const { image: client } = this.target.cri;
    const remove = async () => {
      await client.removeImage({ image: { image: other } });
      // CRI-O removes only that name. The image stays if an earlier case pulled it by its digest, too.
      const repository = other.replace(/[:@][^/]*$/, "");
      const { images } = await client.listImages();
      for (const { id, repoTags, repoDigests } of images)
        if (repoTags.length === 0 && repoDigests.some((name) => name.startsWith(`${repository}@`)))
          await client.removeImage({ image: { image: id } });
    };
    await remove();
    this.defer(remove);
    return other;
  }

  async send<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
  ): Promise<MessageShape<O>> {
    checkArgument("ConformanceContext.send", "method", method, option.method);
    const { transport, endpoint } = this.target.cri;
    const message = create(method.input, request);
    try {
      return (await transport.unary(method, this.signal, undefined, undefined, message)).message;
    } catch (error) {
      throw fromTransportError(error, { method: method.name, endpoint });
    }
  }

  async eventually<T>(
    what: string,
    poll: () => T | undefined | false | Promise<T | undefined | false>,
    withinMs = 10_000,
  ): Promise<T> {
    checkArgument("ConformanceContext.eventually", "what", what, option.string);
    checkArgument("ConformanceContext.eventually", "poll", poll, option.callback);
    return eventually(what, poll, withinMs, this.signal);
  }

  defer(cleanup: () => unknown): void {
    checkArgument("ConformanceContext.defer", "cleanup", cleanup, option.callback);
    this.#cleanups.push(cleanup);
  }

  /** Removes everything that the case created. Attempts every removal, then throws if any failed. */
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

  /** Wraps the shared pod so that containers created in it are removed with this case. */
  async #borrow(shared: Promise<ConformancePod>): Promise<ConformancePod> {
    const { id, config } = await raceAbort(shared, this.signal);
    return new PodHandle(this, this.#labels, id, config);
  }

  get #labels(): Record<string, string> {
    return { [caseLabel]: this.#token };
  }

  get #logs(): string {
    return `${this.target.directory}/${this.#token}`;
  }
}

type Calls = Readonly<Record<string, (request: never, options?: CallOptions) => unknown>>;

/** Wraps a client so that its calls also end when the signal fires. */
function callsUntil<C extends object>(client: C, signal: AbortSignal): C {
  const calls = Object.entries(client as Calls).map(([name, call]) => [
    name,
    (request: never, options?: CallOptions) => call(request, boundBy(signal, options)),
  ]);
  return Object.freeze(Object.fromEntries(calls)) as C;
}

const signalTable = new OptionTable<Pick<CallOptions, "signal">>({ signal: option.signal });

/** Adds the case's signal to the options of a call. Returns invalid options as they are, for the call to refuse. */
function boundBy<O extends Pick<CallOptions, "signal">>(
  signal: AbortSignal,
  options: O = {} as O,
  defaults?: Partial<O>,
): O {
  if (typeof options !== "object" || options === null || Array.isArray(options)) return options;
  const { signal: given } = options;
  if (signalTable.find({ signal: given }) !== undefined) return options;
  return { ...defaults, ...options, signal: given ? AbortSignal.any([signal, given]) : signal };
}
