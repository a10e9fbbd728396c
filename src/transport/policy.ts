import type { DescMessage, DescMethod, MessageShape } from "@bufbuild/protobuf";
import type { ImageService, RuntimeService } from "../../gen/runtime/v1/api_pb.js";

type RuntimeMethods = (typeof RuntimeService)["method"];
type ImageMethods = (typeof ImageService)["method"];

/** An RPC of RuntimeService, by its name in TypeScript (`runPodSandbox`). */
export type RuntimeRpc = keyof RuntimeMethods;
/** An RPC of ImageService, by its name in TypeScript (`pullImage`). */
export type ImageRpc = keyof ImageMethods;
/** Any of CRI's 43 RPCs. */
export type RpcName = RuntimeRpc | ImageRpc;

/** Every RPC with the descriptor of its method. */
export type RpcMethods = RuntimeMethods & ImageMethods;
type RequestOf<M> = M extends { input: infer I extends DescMessage } ? MessageShape<I> : never;
/** The complete request message of an RPC. */
export type RpcRequest<N extends RpcName> = RequestOf<RpcMethods[N]>;

/** How long an RPC may take by default, and whether it may be sent twice. */
export interface MethodPolicy<Request> {
  /**
   * `safe`: sending it twice does what sending it once does, so it is repeated when the runtime went away under it.
   * `never`: a lost answer is reported; whether the call took effect is for the caller to find out.
   */
  readonly retry: "safe" | "never";
  /** The deadline in milliseconds where the caller gives none; undefined for no deadline. */
  readonly timeoutMs: number | undefined | ((request: Request) => number | undefined);
}

/** The kubelet's `runtimeRequestTimeout`. */
const baseMs = 120_000;
const seconds = (value: bigint): number => Number(value) * 1000;

const read = { retry: "safe", timeoutMs: baseMs } as const;
const change = { retry: "never", timeoutMs: baseMs } as const;
/** CRI demands that stopping and removing what is stopped or gone succeeds. */
const idempotent = { retry: "safe", timeoutMs: baseMs } as const;

/**
 * The one place that decides about every RPC. The deadlines are the kubelet's; the reasons of the others stand beside
 * them. A new RPC in the schema does not compile until it has a line here.
 */
export const policy: { readonly [N in RpcName]: MethodPolicy<RpcRequest<N>> } = {
  version: read,
  status: read,
  runtimeConfig: read,
  updateRuntimeConfig: change,

  // Pulling up a pod's network may take long; the kubelet doubles its time.
  runPodSandbox: { retry: "never", timeoutMs: 2 * baseMs },
  stopPodSandbox: idempotent,
  removePodSandbox: idempotent,
  podSandboxStatus: read,
  listPodSandbox: read,
  streamPodSandboxes: read,
  updatePodSandboxResources: change,

  createContainer: change,
  // The second start of a started container is an error, so a repeated one could not be told from a failure.
  startContainer: change,
  // `timeout` is the grace in seconds that the runtime waits before it kills.
  stopContainer: { retry: "safe", timeoutMs: ({ timeout }) => baseMs + Math.max(0, seconds(timeout)) },
  removeContainer: idempotent,
  listContainers: read,
  streamContainers: read,
  containerStatus: read,
  updateContainerResources: change,
  reopenContainerLog: idempotent,

  // `timeout` is the command's own in seconds, and 0 lets it run for ever; the runtime needs some time around it.
  execSync: {
    retry: "never",
    timeoutMs: ({ timeout }) => (timeout > 0n ? baseMs + seconds(timeout) : undefined),
  },
  // These three only hand out a URL; nothing happens until it is used.
  exec: read,
  attach: read,
  portForward: read,

  containerStats: read,
  listContainerStats: read,
  streamContainerStats: read,
  podSandboxStats: read,
  listPodSandboxStats: read,
  streamPodSandboxStats: read,
  listMetricDescriptors: read,
  listPodSandboxMetrics: read,
  streamPodSandboxMetrics: read,

  // `timeout` is in seconds; the kubelet raises one below its own.
  checkpointContainer: { retry: "never", timeoutMs: ({ timeout }) => Math.max(baseMs, seconds(timeout)) },
  checkpointPod: change,
  restorePod: change,

  // An event stream lives as long as its reader, and a new one would not continue the old one.
  getContainerEvents: { retry: "never", timeoutMs: undefined },

  listImages: read,
  streamImages: read,
  imageStatus: read,
  // A pull takes as long as the registry and the network need; end it with a signal.
  pullImage: { retry: "never", timeoutMs: undefined },
  removeImage: idempotent,
  imageFsInfo: read,
};

/** The default deadline of one call, in milliseconds; undefined for none. */
export function defaultTimeoutMs<N extends RpcName>(name: N, request: RpcRequest<N>): number | undefined {
  const { timeoutMs }: MethodPolicy<RpcRequest<N>> = policy[name];
  return typeof timeoutMs === "function" ? timeoutMs(request) : timeoutMs;
}

/** The TypeScript name of a method of CRI's two services; undefined for any other method. */
export function rpcName(method: DescMethod): RpcName | undefined {
  return Object.hasOwn(policy, method.localName) ? (method.localName as RpcName) : undefined;
}
