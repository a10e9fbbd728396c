import type { EventsOptions } from "./events/index.js";
import type { ImageAuth } from "./images/index.js";
import type { PodsOptions } from "./pods/index.js";
import type { StreamingDefaults } from "./sessions/index.js";
import type { RetryOptions, RpcTransport, TransportOptions } from "./transport/index.js";

/** How a `connect()` connects and behaves. */
export interface ConnectOptions extends TransportOptions {
  /**
   * Where the runtime listens: `unix:///run/containerd/containerd.sock`, a bare socket path, or another form that
   * `parseEndpoint` understands.
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
  /**
   * Credentials for registries, or who has them, for pulls of `cri.images` that say nothing of it.
   * @default none: the runtime's own, where it has any
   */
  readonly imageAuth?: ImageAuth | undefined;
  /** How often the node is listed for `cri.events` and `cri.watchNode()`, and how a lost stream is opened again. */
  readonly events?: EventsOptions | undefined;
  /** Whose the pods of this connection are, and where their logs go. */
  readonly pods?: PodsOptions | undefined;
}

/** Options for a transport of your own; those of our transport have no place beside it. */
export interface CustomTransportOptions
  extends Pick<
    ConnectOptions,
    "retry" | "preflight" | "normalize" | "streaming" | "imageAuth" | "events" | "pods"
  > {
  /** Connect's transport, an in-memory one, a recording one. `close()` leaves it alone: it is yours. */
  readonly transport: RpcTransport;
  /**
   * What errors call the endpoint.
   * @default "custom transport"
   */
  readonly endpoint?: string | undefined;
}
