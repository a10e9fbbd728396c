import { existsSync } from "node:fs";
import {
  countdown,
  createLists,
  firstAnswering,
  type ImageClient,
  imageClient,
  type Lists,
  probeTimeoutMs,
  type RuntimeClient,
  type RuntimeInfo,
  readRuntimeInfo,
  runtimeClient,
  timeoutOf,
} from "./clients/index.js";
import { type CallOptions, invalidOption } from "./core/index.js";
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
  type StreamingDefaults,
} from "./sessions/index.js";
import type { AttachSession, ExecSession, PortForward } from "./streaming/index.js";
import {
  type Candidate,
  createTransport,
  findCandidates,
  type Http2Transport,
  type RetryOptions,
  type RpcName,
  type RpcTransport,
  resolveRetry,
  type TransportOptions,
} from "./transport/index.js";

/** How a {@link Cri} connects and behaves. */
export interface ConnectOptions extends TransportOptions {
  /**
   * Where the runtime listens: `unix:///run/containerd/containerd.sock`, a bare socket path, or another form that
   * {@link parseEndpoint} understands.
   * @default CONTAINER_RUNTIME_ENDPOINT, else crictl.yaml, else the well-known socket that answers
   */
  readonly endpoint?: string | undefined;
  /**
   * Where the image service listens, if elsewhere.
   * @default the runtime's endpoint; where that is not given here, IMAGE_SERVICE_ENDPOINT or crictl.yaml first
   */
  readonly imageEndpoint?: string | undefined;
  /** Ends `connect()` itself; calls take a signal of their own. */
  readonly signal?: AbortSignal | undefined;
  /**
   * How long the check of `connect()` may take, in milliseconds. No effect with `connect.lazy()`.
   * @default 5_000
   */
  readonly timeoutMs?: number | undefined;
  /** How safe calls are repeated when the runtime went away under them. */
  readonly retry?: RetryOptions | undefined;
  /**
   * Whether requests that CRI forbids, or that are known to crash a daemon, are refused before they are sent.
   * @default true
   */
  readonly preflight?: boolean | undefined;
  /**
   * Whether what runtimes say differently comes out alike: errors in one vocabulary, stopping and removing what is
   * gone succeeds, ExecSync's timeout is an error, and answers are held to CRI's promises.
   * @default true
   */
  readonly normalize?: boolean | undefined;
  /** How sessions (exec, attach, port-forward, copy) reach the runtime's streaming server, unless a call says otherwise. */
  readonly streaming?: StreamingDefaults | undefined;
}

/** Options for a transport of your own; those of our transport have no place beside it. */
export interface CustomTransportOptions
  extends Pick<ConnectOptions, "retry" | "preflight" | "normalize" | "streaming"> {
  /** Connect's transport, an in-memory one, a recording one. `close()` leaves it alone: it is yours. */
  readonly transport: RpcTransport;
  /**
   * What errors call the endpoint.
   * @default "custom transport"
   */
  readonly endpoint?: string | undefined;
}

interface Wiring {
  readonly transport: RpcTransport;
  readonly endpoint: string;
}

/** A connection to a runtime. Made by {@link connect}; `await using` closes it. */
export class Cri implements AsyncDisposable {
  /** RuntimeService, 1:1: 37 RPCs on sandboxes and containers. */
  readonly runtime: RuntimeClient;
  /** ImageService, 1:1: 6 RPCs on images. */
  readonly image: ImageClient;
  /** CRI's lists however long they are: by Stream* where the runtime has it, by List* elsewhere. */
  readonly lists: Lists;
  /** The runtime's endpoint as a URL. */
  readonly endpoint: string;
  /** The image service's endpoint as a URL; most often the same. */
  readonly imageEndpoint: string;
  /** The transport to the runtime's endpoint, for Connect's `createClient` and for services beside CRI's two. */
  readonly transport: RpcTransport;
  readonly #owned: readonly Http2Transport[];
  readonly #sessions: Sessions;
  readonly #unimplemented = new Set<RpcName>();
  #version = "";

  /** @internal Made by {@link connect}. */
  constructor(
    runtime: Wiring,
    image: Wiring,
    owned: readonly Http2Transport[],
    options: Pick<ConnectOptions, "retry" | "preflight" | "normalize" | "streaming">,
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
    this.endpoint = runtime.endpoint;
    this.imageEndpoint = image.endpoint;
    this.transport = runtime.transport;
    this.#owned = owned;
    this.#sessions = new Sessions(this.runtime, options.streaming);
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
   * Rejects as {@link Cri.exec} and {@link ExecSession.exit} do, with `output_limit` for too much output, and with
   * `aborted_by_caller` for an input that fails.
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
   * Rejects with {@link CriError}: `copy_failed`, `copy_incomplete`, and as {@link Cri.exec}. What was copied until
   * then stays.
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
   * Rejects with {@link CriError}: `copy_failed`, `copy_incomplete`, `unsafe_archive`, and as {@link Cri.exec}. What
   * was copied until then stays.
   */
  copyFrom(
    containerId: string,
    source: string,
    target: string,
    options?: CopyFromOptions,
  ): Promise<CopyResult> {
    return this.#sessions.copyFrom(containerId, source, target, options);
  }

  /** Ends every call under way with `client_closed`, and resolves when no socket is left. Idempotent. */
  async close(): Promise<void> {
    await Promise.all(this.#owned.map((transport) => transport.close()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * Connects to a runtime and checks with one Version call that it answers. Without an endpoint it looks for one: in
 * CONTAINER_RUNTIME_ENDPOINT, in crictl.yaml, at the well-known sockets (all probed at once).
 *
 * Rejects with {@link CriError}: `unavailable` with the reason when nobody answers (`socket_missing`,
 * `socket_forbidden`, `connection_refused`, ...; `no_runtime` lists every socket tried), `wrong_api_version` for a
 * runtime without CRI v1, `invalid_endpoint` and `invalid_option` for what cannot be used.
 */
export async function connect(endpoint?: string | ConnectOptions, more?: ConnectOptions): Promise<Cri> {
  const options = asOptions(endpoint, more);
  const { signal, timeoutMs = probeTimeoutMs } = options;
  const remainingMs = countdown(timeoutOf("version", {}, { timeoutMs }));
  const { runtime: candidates, image } = findCandidates(options);
  const bounds = { signal, timeoutMs: remainingMs() ?? 0 };
  const { candidate, transport } = await firstAnswering(candidates, options, bounds);
  const cri = wire(transport, candidate, image, options);
  try {
    // An image service of its own is a second thing that may be absent.
    if (cri.imageEndpoint !== cri.endpoint)
      await cri.image.imageFsInfo({}, { signal, timeoutMs: remainingMs() ?? 0 });
    return cri;
  } catch (error) {
    await cri.close();
    throw error;
  }
}

/**
 * The same without the check: nothing is opened before the first call, so it cannot fail for an absent runtime. Where
 * no endpoint is named, the first well-known socket that exists is taken.
 *
 * Throws {@link CriError} `invalid_endpoint` or `invalid_option`.
 */
connect.lazy = (endpoint?: string | ConnectOptions, more?: ConnectOptions): Cri => {
  const options = asOptions(endpoint, more);
  const { runtime: candidates, image } = findCandidates(options);
  const [first] = candidates;
  const candidate =
    candidates.find(({ endpoint }) => endpoint.kind === "unix" && existsSync(endpoint.path)) ?? first;
  if (!candidate) throw invalidOption("endpoint", undefined, "is needed on this platform");
  return wire(createTransport(candidate.endpoint, options), candidate, image, options);
};

/** The two clients and the lists on a transport of your own. */
connect.through = (transport: RpcTransport | CustomTransportOptions): Cri => {
  const options = "unary" in transport ? { transport } : transport;
  const wiring = { transport: options.transport, endpoint: options.endpoint ?? "custom transport" };
  return new Cri(wiring, wiring, [], options);
};

function wire(
  transport: Http2Transport,
  { endpoint }: Candidate,
  image: Candidate | undefined,
  options: ConnectOptions,
): Cri {
  const runtime = { transport, endpoint: endpoint.url };
  if (!image || image.endpoint.url === endpoint.url) return new Cri(runtime, runtime, [transport], options);
  const second = createTransport(image.endpoint, options);
  return new Cri(runtime, { transport: second, endpoint: image.endpoint.url }, [transport, second], options);
}

function asOptions(
  endpoint: string | ConnectOptions | undefined,
  more: ConnectOptions | undefined,
): ConnectOptions {
  return typeof endpoint === "string" ? { ...more, endpoint } : { ...endpoint, ...more };
}
