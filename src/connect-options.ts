import { type RetryOptions, retryTable } from "./clients/index.js";
import { OptionTable, option } from "./core/index.js";
import { type EventsOptions, eventsTable } from "./events/index.js";
import { authCheck, type ImageAuth } from "./images/index.js";
import { type PodsOptions, podsTable } from "./pods/index.js";
import { type StreamingDefaults, streamingDefaultsTable } from "./sessions/index.js";
import { type RpcTransport, type TransportOptions, transportTable } from "./transport/index.js";

/** The options of `connect()` and `connect.lazy()`. */
export interface ConnectOptions extends TransportOptions {
  /**
   * The endpoint of the runtime: `unix:///run/containerd/containerd.sock`, the path of a socket, or another form that
   * `parseEndpoint` accepts.
   * @default CONTAINER_RUNTIME_ENDPOINT, otherwise crictl.yaml, otherwise the first well-known socket that responds
   */
  readonly endpoint?: string | undefined;
  /**
   * The endpoint of the image service, if it is not the runtime's.
   * @default the runtime's endpoint; without `endpoint`, IMAGE_SERVICE_ENDPOINT or crictl.yaml take precedence
   */
  readonly imageEndpoint?: string | undefined;
  /** Cancels `connect()`, not the calls of the client: each takes a signal. */
  readonly signal?: AbortSignal | undefined;
  /**
   * The deadline of `connect()` in milliseconds. No effect with `connect.lazy()`.
   * @default 5_000
   */
  readonly timeoutMs?: number | undefined;
  /** How idempotent calls are retried when the connection is lost. */
  readonly retry?: RetryOptions | undefined;
  /**
   * Whether requests that CRI forbids, or that are known to crash a runtime, are rejected before they are sent.
   * @default true
   */
  readonly preflight?: boolean | undefined;
  /**
   * Whether runtime-specific errors are normalized and responses validated: every runtime has the same error reasons,
   * stopping or removing an absent object succeeds, and the timeout of ExecSync is an error.
   * @default true
   */
  readonly normalize?: boolean | undefined;
  /** Defaults for sessions (exec, attach, port-forward, copy): how they connect to the runtime's streaming server. */
  readonly streaming?: StreamingDefaults | undefined;
  /**
   * The credentials for registries, or their source, for pulls of `cri.images` without the `auth` option.
   * @default none; the runtime uses its own, if it has any
   */
  readonly imageAuth?: ImageAuth | undefined;
  /** How often `cri.events` and `cri.watchNode()` list the node, and how they reopen a lost event stream. */
  readonly events?: EventsOptions | undefined;
  /** The owner of the pods that this client creates, and the folder of their logs. */
  readonly pods?: PodsOptions | undefined;
}

/** The options that do not concern transports. */
const clientChecks = {
  retry: option.nested(retryTable),
  preflight: option.boolean,
  normalize: option.boolean,
  streaming: option.nested(streamingDefaultsTable),
  imageAuth: authCheck,
  events: option.nested(eventsTable),
  pods: option.nested(podsTable),
};

/** The options of {@link ConnectOptions}. */
export const connectTable = new OptionTable<ConnectOptions>({
  ...transportTable.checks,
  ...clientChecks,
  endpoint: option.string,
  imageEndpoint: option.string,
  signal: option.signal,
  timeoutMs: option.timeoutMs,
});

/** The options of `connect.through()`: a transport that you created, and the options that do not concern transports. */
export interface CustomTransportOptions
  extends Pick<
    ConnectOptions,
    "retry" | "preflight" | "normalize" | "streaming" | "imageAuth" | "events" | "pods"
  > {
  /** The transport, such as `memoryTransport()` or Connect's. `close()` of the client does not close it. */
  readonly transport: RpcTransport;
  /**
   * The name of the endpoint in errors.
   * @default "custom transport"
   */
  readonly endpoint?: string | undefined;
}

/** The options of {@link CustomTransportOptions}. */
export const customTransportTable = new OptionTable<CustomTransportOptions>({
  ...clientChecks,
  transport: option.required((value) =>
    isTransport(value) ? undefined : "must be a transport, with the functions unary and stream",
  ),
  endpoint: option.string,
});

/** Reports whether a value is a transport, such as `memoryTransport()` or Connect's. */
export function isTransport(value: unknown): value is RpcTransport {
  if (typeof value !== "object" || value === null || !("unary" in value) || !("stream" in value))
    return false;
  return typeof value.unary === "function" && typeof value.stream === "function";
}
