import { setMaxListeners } from "node:events";
import type { VersionResponse } from "../gen/runtime/v1/api_pb.js";
import {
  createLists,
  type ImageClient,
  imageClient,
  type Lists,
  type RuntimeClient,
  type RuntimeInfo,
  readRuntimeInfo,
  resolveRetry,
  runtimeClient,
} from "./clients/index.js";
import type { ConnectOptions } from "./connect-options.js";
import { type CallOptions, callOptionsTable, criError, type IdOrHandle, idOf } from "./core/index.js";
import {
  type Events,
  type EventsOptions,
  NodeObserver,
  type NodeWaitOptions,
  type NodeWatch,
} from "./events/index.js";
import { Images } from "./images/index.js";
import { type LogReader, type ReadLogsOptions, readLogsTable } from "./logs/index.js";
import {
  Containers,
  containerLogs,
  createPodContext,
  type FollowedLogEntry,
  type FollowLogsFilter,
  type FollowLogsOptions,
  followLogs,
  type PodContext,
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
  type RunCommandOptions,
  type RunCommandResult,
  Sessions,
} from "./sessions/index.js";
import { Stats } from "./stats/index.js";
import type { AttachSession, ExecSession, PortForward } from "./streaming/index.js";
import type { Http2Transport, RpcName, RpcTransport } from "./transport/index.js";

/** A transport, and the name of its endpoint in errors. */
export interface Wiring {
  readonly transport: RpcTransport;
  readonly endpoint: string;
}

/** A client of one runtime, created by `connect()`. Close it; `await using` does. */
export class Cri implements AsyncDisposable {
  /** The client of CRI's RuntimeService: one method per RPC, with the messages of CRI. */
  readonly runtime: RuntimeClient;
  /** The client of CRI's ImageService: one method per RPC, with the messages of CRI. */
  readonly image: ImageClient;
  /** CRI's lists of any length: by the Stream* RPCs if the runtime implements them, otherwise by List*. */
  readonly lists: Lists;
  /** The images of the node: find, pull by a policy and with credentials, remove, prune. */
  readonly images: Images;
  /** Pods as handles: run, ensure, find. */
  readonly pods: Pods;
  /** Containers of all pods, as handles. */
  readonly containers: Containers;
  /** The events of the node as an async iterable, which continues when the runtime restarts. */
  readonly events: Events;
  /** The usage of containers and pods, also as a page for Prometheus. */
  readonly stats: Stats;
  /** The runtime's endpoint as a URL. */
  readonly endpoint: string;
  /** The image service's endpoint as a URL; usually the same. */
  readonly imageEndpoint: string;
  /** The transport to the runtime's endpoint, for Connect's `createClient` and for services other than CRI's. */
  readonly transport: RpcTransport;
  readonly #owned: readonly Http2Transport[];
  readonly #killer: Http2Transport | undefined;
  readonly #sessions: Sessions;
  readonly #node: NodeObserver;
  readonly #podContext: PodContext;
  readonly #unimplemented = new Set<RpcName>();
  readonly #closing = new AbortController();
  #version = "";

  /**
   * Called by `connect()`. Commands are killed through `killer`, also during `close()`, when all other transports are closed already; without
   * one, through the transport of `runtime`.
   */
  constructor(
    runtime: Wiring,
    image: Wiring,
    owned: readonly Http2Transport[],
    killer: Http2Transport | undefined,
    options: Pick<
      ConnectOptions,
      "retry" | "preflight" | "normalize" | "streaming" | "imageAuth" | "pods"
    > & {
      readonly events?: EventsOptions | undefined;
    },
  ) {
    const { signal: closing } = this.#closing;
    // Every call in flight listens to it, and Node warns above ten listeners.
    setMaxListeners(0, closing);
    const shared = {
      closing,
      ownsTransport: owned.length > 0,
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
      closing,
    });
    this.endpoint = runtime.endpoint;
    this.imageEndpoint = image.endpoint;
    this.transport = runtime.transport;
    this.#owned = owned;
    this.#killer = killer;
    // No signal of this client ends its calls.
    const kills = runtimeClient({
      ...{ ...shared, ...runtime, ...(killer && { transport: killer }) },
      closing: new AbortController().signal,
    });
    const defaults = options.streaming;
    this.#sessions = new Sessions({ runtime: this.runtime, killer: kills, closing, defaults });
    const { lists, images, endpoint } = this;
    this.#node = new NodeObserver({ runtime: this.runtime, lists }, options.events);
    this.events = this.#node;
    this.stats = new Stats({ runtime: this.runtime, lists, endpoint, closing });
    const { changes } = this.#node;
    const parts = {
      runtime: this.runtime,
      lists,
      images,
      endpoint,
      sessions: this.#sessions,
      changes,
      closing,
    };
    this.#podContext = createPodContext(parts, options.pods);
    this.pods = new Pods(this.#podContext);
    this.containers = new Containers(this.#podContext);
  }

  /** Returns the runtime's name and version, and the version of CRI that it serves: the response of Version. */
  version(options?: CallOptions): Promise<VersionResponse> {
    return this.runtime.version({}, options);
  }

  /**
   * Returns the runtime's name and version, its handlers and features, and the RPCs that earlier calls found to be
   * unimplemented. Calls Version and Status each time; a changed version clears the list of unimplemented RPCs.
   */
  async features(options?: CallOptions): Promise<RuntimeInfo> {
    callOptionsTable.check("cri.features", options);
    const info = await readRuntimeInfo(this.runtime, options);
    if (this.#version !== info.version && this.#version !== "") this.#unimplemented.clear();
    this.#version = info.version;
    return Object.freeze({ ...info, unimplemented: [...this.#unimplemented].sort() });
  }

  /**
   * Runs a command in a running container and returns a session with its streams. Resolves when the session is open; the session's
   * `ended` has the exit code. By default, the session has stdout and stderr, which both must be read, and no input.
   *
   * Rejects with {@link CriError}: `object_missing`, `wrong_state`, `invalid_request` for an empty command, `start_timeout`,
   * `upgrade_refused`, `stdin_end_unsupported`, `deadline`, `aborted_by_caller`, and the errors of CRI's Exec.
   */
  exec(
    containerId: IdOrHandle,
    command: readonly string[],
    options: ExecOptions & { readonly killOnClose: true },
  ): Promise<KillableSession>;
  exec(containerId: IdOrHandle, command: readonly string[], options?: ExecOptions): Promise<ExecSession>;
  exec(containerId: IdOrHandle, command: readonly string[], options?: ExecOptions): Promise<ExecSession> {
    return this.#sessions.exec(containerId, command, options);
  }

  /**
   * Runs a command in a running container to its end and returns its exit code and output. Unlike ExecSync, it supports input, more
   * than 16 MiB of output, and cancellation.
   *
   * Rejects as {@link Cri.exec} and `ended` of its session do, with `output_limit`, and with `aborted_by_caller` when the input fails.
   */
  runCommand(
    containerId: IdOrHandle,
    command: readonly string[],
    options: RunCommandOptions & { readonly encoding: "buffer" },
  ): Promise<RunCommandResult<Buffer>>;
  runCommand(
    containerId: IdOrHandle,
    command: readonly string[],
    options?: RunCommandOptions & { readonly encoding?: "utf8" | undefined },
  ): Promise<RunCommandResult>;
  runCommand(
    containerId: IdOrHandle,
    command: readonly string[],
    options?: RunCommandOptions,
  ): Promise<RunCommandResult<string | Buffer>> {
    return this.#sessions.runCommand(containerId, command, options);
  }

  /**
   * Attaches to the main process of a running container: its output from now on, and its input. Request `stdin` and `input` only for a
   * container that was created with `stdin`, and pass `tty` if it was created with `tty`. Rejects as {@link Cri.exec} does.
   */
  attach(containerId: IdOrHandle, options?: AttachOptions): Promise<AttachSession> {
    return this.#sessions.attach(containerId, options);
  }

  /** Returns a port-forward to a running pod. Opens nothing before the first connection. Throws `invalid_option`. */
  portForward(podSandboxId: IdOrHandle, options?: ForwardOptions): PortForward {
    return this.#sessions.portForward(podSandboxId, options);
  }

  /**
   * Copies a file, a folder or given content into a running container. `target` is the path of the copy: a file is written to it, the
   * contents of a folder into it. Creates missing parent folders. Requires a shell in the container, and tar, tee and wc except for
   * single files. Resolves when the container has confirmed the number of bytes.
   *
   * Rejects with {@link CriError}: `copy_failed`, `copy_incomplete`, `invalid_request`, and as {@link Cri.exec} does. Files that were
   * already copied remain.
   */
  copyTo(
    containerId: IdOrHandle,
    source: CopySource,
    target: string,
    options?: CopyToOptions,
  ): Promise<CopyResult> {
    return this.#sessions.copyTo(containerId, source, target, options);
  }

  /**
   * Copies a file or a folder out of a running container; `target` is the path of the copy. Never writes outside it, also if the
   * container sends other paths. Requires tar in the container, or cat for single files, which then lose their mode.
   *
   * Rejects as {@link Cri.copyTo} does, and with `unsafe_archive`. Files that were already copied remain.
   */
  copyFrom(
    containerId: IdOrHandle,
    source: string,
    target: string,
    options?: CopyFromOptions,
  ): Promise<CopyResult> {
    return this.#sessions.copyFrom(containerId, source, target, options);
  }

  /** Reads the log of a container from its file on this host, as {@link Container.logs} does for a handle. */
  logs(containerId: IdOrHandle, options?: ReadLogsOptions): LogReader {
    const id = idOf("cri.logs", "containerId", containerId);
    readLogsTable.check("cri.logs", options);
    return containerLogs(this.runtime, id, options);
  }

  /**
   * Follows the logs of all containers that match the filter, on this host: of those that are running, from the given `tail` or `since`
   * on, and of those that start later, from their beginning. Returns one stream of entries, merged by time. A log ends with its
   * container, and the stream when the caller leaves the loop. While the caller does not read, no more is read from the logs: one entry
   * and the blocks of its file are held for each container. Pods and containers come from `cri.events`, also after the runtime restarts.
   *
   * Throws `invalid_option`. The iteration rejects with `aborted_by_caller` or `deadline` when the signal fires, with `client_closed`, and
   * with `log_failed` as {@link FollowLogsOptions.onFailure} says.
   */
  followLogs(
    filter?: FollowLogsFilter,
    options?: FollowLogsOptions,
  ): AsyncIterableIterator<FollowedLogEntry> & AsyncDisposable {
    const { runtime, lists, events } = this;
    return followLogs({ runtime, lists, events }, filter, options);
  }

  /**
   * Removes the pods and containers that `run` created in processes of this owner that have ended since. Those of running
   * processes remain, also of other programs with the same owner.
   */
  sweep(options?: SweepOptions): Promise<SweepResult> {
    return sweep(this.#podContext, options);
  }

  /**
   * Returns a cache of the node's pods and containers, with indexes, which events and lists keep up to date. Resolves
   * after the first complete list, and waits for a runtime that is unavailable. Close it; `await using` does.
   *
   * Rejects with {@link CriError}: `invalid_option`, `deadline`, `aborted_by_caller`, `client_closed`.
   */
  watchNode(options?: NodeWaitOptions): Promise<NodeWatch> {
    return this.#node.watch(options);
  }

  /**
   * Ends every call, operation, session and port-forward with `client_closed`, and resolves when all sockets are closed. No work
   * continues afterwards, and every later call rejects with `client_closed`. Idempotent. Waits until commands with `killOnClose` have
   * been killed, for ten seconds at most.
   */
  async close(): Promise<void> {
    this.#closing.abort(criError("client_closed", "the client was closed"));
    this.#node.close();
    await Promise.all([this.#sessions.close(), ...this.#owned.map((transport) => transport.close())]);
    await this.#sessions.killed();
    await this.#killer?.close();
  }

  /** As `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
