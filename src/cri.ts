import {
  createLists,
  type ImageClient,
  imageClient,
  type Lists,
  type RuntimeClient,
  type RuntimeInfo,
  readRuntimeInfo,
  runtimeClient,
} from "./clients/index.js";
import type { ConnectOptions } from "./connect-options.js";
import type { CallOptions } from "./core/index.js";
import { Events, type EventsOptions, type NodeWaitOptions, type NodeWatch } from "./events/index.js";
import { Images } from "./images/index.js";
import type { LogReader, ReadLogsOptions } from "./logs/index.js";
import {
  Containers,
  containerLogs,
  createPodKit,
  type PodKit,
  Pods,
  type SweepOptions,
  type SweepResult,
  sweep,
} from "./pods/index.js";
import {
  type AttachOptions,
  type CopyFromOptions,
  type CopyResult,
  type CopySource,
  type CopyToOptions,
  type ExecOptions,
  type ForwardOptions,
  type KillableSession,
  type RunOptions,
  type RunResult,
  Sessions,
} from "./sessions/index.js";
import { Stats } from "./stats/index.js";
import type { AttachSession, ExecSession, PortForward } from "./streaming/index.js";
import { type Http2Transport, type RpcName, type RpcTransport, resolveRetry } from "./transport/index.js";

/** A transport, and what errors call its endpoint. */
export interface Wiring {
  readonly transport: RpcTransport;
  readonly endpoint: string;
}

/** A connection to a runtime. Made by `connect()`; `await using` closes it. */
export class Cri implements AsyncDisposable {
  /** RuntimeService, 1:1: 37 RPCs on sandboxes and containers. */
  readonly runtime: RuntimeClient;
  /** ImageService, 1:1: 6 RPCs on images. */
  readonly image: ImageClient;
  /** CRI's lists however long they are: by Stream* where the runtime has it, by List* elsewhere. */
  readonly lists: Lists;
  /** The images of the node: looked up, pulled by a policy and with credentials, removed, cleaned up. */
  readonly images: Images;
  /** Pods in the user's words: run, found, reconciled, as handles. */
  readonly pods: Pods;
  /** Containers of all pods, as handles. */
  readonly containers: Containers;
  /** What happens on the node, as an async iterable; however often the runtime restarts. */
  readonly events: Events;
  /** What containers and pods use, and that as a page for Prometheus. */
  readonly stats: Stats;
  /** The runtime's endpoint as a URL. */
  readonly endpoint: string;
  /** The image service's endpoint as a URL; most often the same. */
  readonly imageEndpoint: string;
  /** The transport to the runtime's endpoint, for Connect's `createClient` and for services beside CRI's two. */
  readonly transport: RpcTransport;
  readonly #owned: readonly Http2Transport[];
  readonly #sessions: Sessions;
  readonly #kit: PodKit;
  readonly #unimplemented = new Set<RpcName>();
  #version = "";

  /** @internal Made by `connect()`. */
  constructor(
    runtime: Wiring,
    image: Wiring,
    owned: readonly Http2Transport[],
    options: Pick<
      ConnectOptions,
      "retry" | "preflight" | "normalize" | "streaming" | "imageAuth" | "pods"
    > & {
      readonly events?: EventsOptions | undefined;
    },
  ) {
    const shared = {
      retry: resolveRetry(options.retry),
      preflight: options.preflight ?? true,
      normalize: options.normalize ?? true,
      unimplemented: this.#unimplemented,
    };
    this.runtime = runtimeClient({ ...shared, ...runtime });
    this.image = imageClient({ ...shared, ...image });
    this.lists = createLists({ ...shared, runtime: this.runtime, image: this.image });
    this.images = new Images({
      image: this.image,
      runtime: this.runtime,
      lists: this.lists,
      auth: options.imageAuth,
    });
    this.endpoint = runtime.endpoint;
    this.imageEndpoint = image.endpoint;
    this.transport = runtime.transport;
    this.#owned = owned;
    this.#sessions = new Sessions(this.runtime, options.streaming);
    const { lists, images, endpoint } = this;
    this.events = new Events({ runtime: this.runtime, lists }, options.events);
    this.stats = new Stats({ runtime: this.runtime, lists, endpoint });
    const { hints } = this.events;
    const parts = { runtime: this.runtime, lists, images, endpoint, sessions: this.#sessions, hints };
    this.#kit = createPodKit(parts, options.pods);
    this.pods = new Pods(this.#kit);
    this.containers = new Containers(this.#kit);
  }

  /**
   * What this runtime can do: its name and version, its handlers, the features it tells of, and the RPCs it was found
   * not to have. Asks Version and Status each time; what was found out is forgotten when the version changes.
   */
  async features(options?: CallOptions): Promise<RuntimeInfo> {
    const info = await readRuntimeInfo(this.runtime, options);
    if (this.#version !== info.version && this.#version !== "") this.#unimplemented.clear();
    this.#version = info.version;
    return Object.freeze({ ...info, unimplemented: [...this.#unimplemented].sort() });
  }

  /**
   * Runs a command in a running container and gives its streams, as they come. Resolves when the session is there; how
   * the command ended comes from `exit`. The default is no input, and stdout and stderr: read both.
   *
   * Rejects with {@link CriError}: `object_missing`, `wrong_state`, `invalid_request` for an empty command,
   * `start_timeout`, `upgrade_refused`, `stdin_end_unsupported`, `deadline`, `aborted_by_caller`, and what Exec answers.
   */
  exec(
    containerId: string,
    command: readonly string[],
    options: ExecOptions & { readonly kill: true },
  ): Promise<KillableSession>;
  exec(containerId: string, command: readonly string[], options?: ExecOptions): Promise<ExecSession>;
  exec(containerId: string, command: readonly string[], options?: ExecOptions): Promise<ExecSession> {
    return this.#sessions.exec(containerId, command, options);
  }

  /**
   * Runs a command in a running container to its end, and gives its exit code and all it printed. Unlike ExecSync it
   * takes input, any amount of output, and an abort.
   *
   * Rejects as {@link Cri.exec} and {@link ExecSession.exit} do, with `output_limit`, and `aborted_by_caller` when the input fails.
   */
  runCommand(
    containerId: string,
    command: readonly string[],
    options: RunOptions & { readonly encoding: "buffer" },
  ): Promise<RunResult<Buffer>>;
  runCommand(
    containerId: string,
    command: readonly string[],
    options?: RunOptions & { readonly encoding?: "utf8" | undefined },
  ): Promise<RunResult>;
  runCommand(
    containerId: string,
    command: readonly string[],
    options?: RunOptions,
  ): Promise<RunResult<string | Buffer>> {
    return this.#sessions.runCommand(containerId, command, options);
  }

  /**
   * Connects to the main process of a running container: what it prints from now on, and its input. Ask for `stdin`
   * only if the container was created with it, and for `tty` if it was created with that. Rejects as {@link Cri.exec}.
   */
  attach(containerId: string, options?: AttachOptions): Promise<AttachSession> {
    return this.#sessions.attach(containerId, options);
  }

  /** The ports of a running pod, reached from here. Nothing is opened before the first connection. */
  portForward(podSandboxId: string, options?: ForwardOptions): PortForward {
    return this.#sessions.portForward(podSandboxId, options);
  }

  /**
   * Copies a file, a folder, or given contents into a running container, where `target` becomes the copy: a folder's
   * contents are put into it. Folders above it are made. Needs a shell in the container; and tar, tee and wc, except for
   * single files. Resolves when the container has confirmed how many bytes arrived.
   *
   * Rejects with {@link CriError}: `copy_failed`, `copy_incomplete`, and as {@link Cri.exec}. What was copied stays.
   */
  copyTo(
    containerId: string,
    source: CopySource,
    target: string,
    options?: CopyToOptions,
  ): Promise<CopyResult> {
    return this.#sessions.copyTo(containerId, source, target, options);
  }

  /**
   * Copies a file or a folder out of a running container; `target` becomes the copy. Nothing is written outside it,
   * whatever the container sends. Needs tar in the container, or cat for single files, whose mode is lost then.
   *
   * Rejects as {@link Cri.copyTo} does, and with `unsafe_archive`. What was copied stays.
   */
  copyFrom(
    containerId: string,
    source: string,
    target: string,
    options?: CopyFromOptions,
  ): Promise<CopyResult> {
    return this.#sessions.copyFrom(containerId, source, target, options);
  }

  /** What a container printed, from its log file on this host, as {@link Container.logs} for a handle. */
  logs(containerId: string, options?: ReadLogsOptions): LogReader {
    return containerLogs(this.runtime, containerId, options);
  }

  /**
   * Removes what processes of an owner made by `run` and left: pods and containers whose process is dead. What a living
   * process made stays, also that of other programs of the same owner.
   */
  sweep(options?: SweepOptions): Promise<SweepResult> {
    return sweep(this.#kit, options);
  }

  /**
   * Watches what there is on the node: every pod and container, in memory, with indexes. Resolves when all was listed
   * once since the call, which waits for a runtime that is away. Close it; `await using` does.
   *
   * Rejects with {@link CriError}: `invalid_option`, `deadline`, `aborted_by_caller`, `client_closed`.
   */
  watchNode(options?: NodeWaitOptions): Promise<NodeWatch> {
    return this.events.watch(options);
  }

  /** Ends every call under way with `client_closed`, and resolves when no socket is left. Idempotent. */
  async close(): Promise<void> {
    this.events.close();
    await Promise.all(this.#owned.map((transport) => transport.close()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
