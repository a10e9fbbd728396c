import type { DescMessage, DescMethod, MessageShape } from "@bufbuild/protobuf";
import { type CallOptions, checkTimeout, Violations } from "../core/index.js";
import type { RpcName, RpcRequest, RpcResponse } from "../transport/index.js";
import { withoutNames } from "./normalize-errors.js";
import {
  anyRequest,
  attachment,
  commandToRun,
  commandToStream,
  containerCheckpoint,
  containerId,
  namedImage,
  newContainer,
  podCheckpoint,
  podRestore,
  ports,
  runSandbox,
  sandboxId,
  withUserSpecifiedImage,
} from "./preflight.js";
import {
  anyResponse,
  commandInTime,
  containerStatus,
  cutOutput,
  eventSource,
  idsIn,
  imageId,
  newContainerId,
  newSandboxId,
  pulledImage,
  runtimeStatus,
  type SilentFailure,
  sandboxStatus,
  streamingUrl,
  versionNames,
} from "./responses.js";

/** The default deadline of an RPC, and whether it may be retried. */
export interface MethodPolicy<Request> {
  /**
   * - `safe`: sending the call twice has the effect of sending it once, so it is retried after the connection was lost.
   * - `never`: a lost response is reported as an error, and the caller must find out whether the call took effect.
   */
  readonly retry: "safe" | "never";
  /** The default deadline in milliseconds; undefined for no deadline. */
  readonly timeoutMs: number | undefined | ((request: Request) => number | undefined);
}

/** A runtime whose set of RPCs was measured; `embedded` is the runtime of `cri-sdk/testing`. */
export type MeasuredRuntime = "containerd-1.6" | "containerd-1.7" | "containerd-2.1" | "cri-o" | "embedded";

/** The row of one RPC in the table: its policy, its checks, and the runtimes that do not implement it. */
export interface RpcRow<Request = unknown, Response = unknown> extends MethodPolicy<Request> {
  /** Whether the call counts as successful when its object does not exist: CRI requires that of stopping and removing. */
  readonly missingIsSuccess: boolean;
  /** Whether the caller may omit the request, because an empty one is complete. */
  readonly request: "required" | "optional";
  /** Collects the problems of a request before it is sent. */
  preflight(request: Request, violations: Violations): void;
  /** Collects the required fields that a response lacks, or throws the error that the response represents. */
  response(response: Response, violations: Violations): void;
  /** The RPC that streams the same list; undefined for an RPC without one. */
  readonly streamTwin: Extract<RpcName, `stream${string}`> | undefined;
  /** The runtimes that answer Unimplemented. */
  readonly lackedBy: readonly MeasuredRuntime[];
  /**
   * Returns the error that a response means on one runtime, which reports that failure as a success; undefined for any other response.
   * The caller asks for the runtime's name before it throws the error, so the response must be a rare one.
   */
  silentFailure?(response: Response): SilentFailure | undefined;
  /** Completes a request that passed the preflight. */
  prepare?(request: Request): Request;
  /** Reduces the text of a runtime's error to the part that the error rules may match. */
  errorText?(text: string): string;
}

type RpcTable = { readonly [N in RpcName]: RpcRow<RpcRequest<N>, RpcResponse<N>> };

/** The kubelet's `runtimeRequestTimeout`. */
const baseMs = 120_000;
const seconds = (value: bigint): number => Number(value) * 1000;

// The first column of the table: retry, default deadline, and whether a missing object counts as success.
const safe = { retry: "safe", timeoutMs: baseMs, missingIsSuccess: false } as const;
const never = { retry: "never", timeoutMs: baseMs, missingIsSuccess: false } as const;
/** RPCs that stop or remove an object: CRI requires success when it is already stopped or does not exist. */
const removal = { retry: "safe", timeoutMs: baseMs, missingIsSuccess: true } as const;

// Starting a pod's network may take long; the kubelet doubles its timeout.
const run = { ...never, timeoutMs: 2 * baseMs } as const;
// `timeout` is the grace period in seconds, which the runtime waits before it kills.
const stop = {
  ...removal,
  timeoutMs: ({ timeout }: { timeout: bigint }) => baseMs + Math.max(0, seconds(timeout)),
};
// `timeout` is the limit for the command in seconds, 0 for none; the runtime needs some time before and after it.
const command = {
  ...never,
  timeoutMs: ({ timeout }: { timeout: bigint }) => (timeout > 0n ? baseMs + seconds(timeout) : undefined),
};
// `timeout` is in seconds; the kubelet never uses less than its own.
const checkpoint = {
  ...never,
  timeoutMs: ({ timeout }: { timeout: bigint }) => Math.max(baseMs, seconds(timeout)),
};
// A pull takes as long as the registry and the network need: end it with a signal. An event stream lasts as long as its reader
// wants, and a new one would not continue the old one.
const unlimited = { ...never, timeoutMs: undefined } as const;

const none = undefined;
const containerd = ["containerd-1.6", "containerd-1.7", "containerd-2.1"] as const;

/**
 * One row per RPC. A new RPC in the schema does not compile until its row is complete; see docs/upgrading-cri.md. The deadlines
 * are the kubelet's.
 */
// biome-ignore format: a table, one row per RPC
const table = {
  version:                   { ...safe,       request: "optional", preflight: anyRequest,          response: versionNames,          streamTwin: none,                      lackedBy: [] },
  status:                    { ...safe,       request: "optional", preflight: anyRequest,          response: runtimeStatus,         streamTwin: none,                      lackedBy: [] },
  runtimeConfig:             { ...safe,       request: "optional", preflight: anyRequest,          response: anyResponse,           streamTwin: none,                      lackedBy: ["containerd-1.6", "containerd-1.7"] },
  updateRuntimeConfig:       { ...never,      request: "required", preflight: anyRequest,          response: anyResponse,           streamTwin: none,                      lackedBy: [] },

  runPodSandbox:             { ...run,        request: "required", preflight: runSandbox,          response: newSandboxId,          streamTwin: none,                      lackedBy: [] },
  stopPodSandbox:            { ...removal,    request: "required", preflight: sandboxId,           response: anyResponse,           streamTwin: none,                      lackedBy: [] },
  removePodSandbox:          { ...removal,    request: "required", preflight: sandboxId,           response: anyResponse,           streamTwin: none,                      lackedBy: [] },
  podSandboxStatus:          { ...safe,       request: "required", preflight: anyRequest,          response: sandboxStatus,         streamTwin: none,                      lackedBy: [] },
  listPodSandbox:            { ...safe,       request: "optional", preflight: anyRequest,          response: idsIn("items"),        streamTwin: "streamPodSandboxes",      lackedBy: [] },
  streamPodSandboxes:        { ...safe,       request: "optional", preflight: anyRequest,          response: idsIn("podSandboxes"), streamTwin: none,                      lackedBy: containerd },
  updatePodSandboxResources: { ...never,      request: "required", preflight: sandboxId,           response: anyResponse,           streamTwin: none,                      lackedBy: containerd },

  createContainer:           { ...never,      request: "required", preflight: newContainer,        response: newContainerId,        streamTwin: none,                      lackedBy: [], prepare: withUserSpecifiedImage },
  // Starting a started container is an error, so a retry could not be distinguished from a failure.
  startContainer:            { ...never,      request: "required", preflight: containerId,         response: anyResponse,           streamTwin: none,                      lackedBy: [] },
  stopContainer:             { ...stop,       request: "required", preflight: containerId,         response: anyResponse,           streamTwin: none,                      lackedBy: [] },
  removeContainer:           { ...removal,    request: "required", preflight: containerId,         response: anyResponse,           streamTwin: none,                      lackedBy: [] },
  listContainers:            { ...safe,       request: "optional", preflight: anyRequest,          response: idsIn("containers"),   streamTwin: "streamContainers",        lackedBy: [] },
  streamContainers:          { ...safe,       request: "optional", preflight: anyRequest,          response: idsIn("containers"),   streamTwin: none,                      lackedBy: containerd },
  containerStatus:           { ...safe,       request: "required", preflight: anyRequest,          response: containerStatus,       streamTwin: none,                      lackedBy: [] },
  updateContainerResources:  { ...never,      request: "required", preflight: containerId,         response: anyResponse,           streamTwin: none,                      lackedBy: [] },
  reopenContainerLog:        { ...safe,       request: "required", preflight: containerId,         response: anyResponse,           streamTwin: none,                      lackedBy: [] },

  execSync:                  { ...command,    request: "required", preflight: commandToRun,        response: commandInTime,         streamTwin: none,                      lackedBy: [], silentFailure: cutOutput },
  // These three only return a URL; nothing happens until it is used.
  exec:                      { ...safe,       request: "required", preflight: commandToStream,     response: streamingUrl,          streamTwin: none,                      lackedBy: [] },
  attach:                    { ...safe,       request: "required", preflight: attachment,          response: streamingUrl,          streamTwin: none,                      lackedBy: [] },
  portForward:               { ...safe,       request: "required", preflight: ports,               response: streamingUrl,          streamTwin: none,                      lackedBy: [] },

  // CRI-O returns no stats at all for an exited container; the caller sees that.
  containerStats:            { ...safe,       request: "required", preflight: anyRequest,          response: anyResponse,           streamTwin: none,                      lackedBy: [] },
  listContainerStats:        { ...safe,       request: "optional", preflight: anyRequest,          response: anyResponse,           streamTwin: "streamContainerStats",    lackedBy: [] },
  streamContainerStats:      { ...safe,       request: "optional", preflight: anyRequest,          response: anyResponse,           streamTwin: none,                      lackedBy: containerd },
  podSandboxStats:           { ...safe,       request: "required", preflight: anyRequest,          response: anyResponse,           streamTwin: none,                      lackedBy: [] },
  listPodSandboxStats:       { ...safe,       request: "optional", preflight: anyRequest,          response: anyResponse,           streamTwin: "streamPodSandboxStats",   lackedBy: [] },
  streamPodSandboxStats:     { ...safe,       request: "optional", preflight: anyRequest,          response: anyResponse,           streamTwin: none,                      lackedBy: containerd },
  listMetricDescriptors:     { ...safe,       request: "optional", preflight: anyRequest,          response: anyResponse,           streamTwin: none,                      lackedBy: containerd },
  listPodSandboxMetrics:     { ...safe,       request: "optional", preflight: anyRequest,          response: anyResponse,           streamTwin: "streamPodSandboxMetrics", lackedBy: containerd },
  streamPodSandboxMetrics:   { ...safe,       request: "optional", preflight: anyRequest,          response: anyResponse,           streamTwin: none,                      lackedBy: containerd },

  // The embedded runtime has no processes that CRIU could checkpoint, whichever runtime it imitates.
  checkpointContainer:       { ...checkpoint, request: "required", preflight: containerCheckpoint, response: anyResponse,           streamTwin: none,                      lackedBy: ["containerd-1.6", "containerd-1.7", "embedded"] },
  checkpointPod:             { ...never,      request: "required", preflight: podCheckpoint,       response: anyResponse,           streamTwin: none,                      lackedBy: [...containerd, "cri-o", "embedded"] },
  restorePod:                { ...never,      request: "required", preflight: podRestore,          response: newSandboxId,          streamTwin: none,                      lackedBy: [...containerd, "cri-o", "embedded"] },
  getContainerEvents:        { ...unlimited,  request: "optional", preflight: anyRequest,          response: eventSource,           streamTwin: none,                      lackedBy: ["containerd-1.6"] },

  listImages:                { ...safe,       request: "optional", preflight: anyRequest,          response: idsIn("images"),       streamTwin: "streamImages",            lackedBy: [] },
  streamImages:              { ...safe,       request: "optional", preflight: anyRequest,          response: idsIn("images"),       streamTwin: none,                      lackedBy: containerd },
  imageStatus:               { ...safe,       request: "required", preflight: anyRequest,          response: imageId,               streamTwin: none,                      lackedBy: [] },
  pullImage:                 { ...unlimited,  request: "required", preflight: namedImage,          response: pulledImage,           streamTwin: none,                      lackedBy: [], errorText: withoutNames },
  removeImage:               { ...removal,    request: "required", preflight: namedImage,          response: anyResponse,           streamTwin: none,                      lackedBy: [] },
  imageFsInfo:               { ...safe,       request: "optional", preflight: anyRequest,          response: anyResponse,           streamTwin: none,                      lackedBy: [] },
} as const satisfies RpcTable;

/** The table of RPCs. */
export const rpcs: RpcTable = table;

/** The deadline and the retry of every RPC. */
export const policy: { readonly [N in RpcName]: MethodPolicy<RpcRequest<N>> } = rpcs;

/** The RPCs whose request may be omitted. */
export type RequestOptional = {
  [N in keyof typeof table]: (typeof table)[N]["request"] extends "optional" ? N : never;
}[keyof typeof table];

/** The RPCs that return a list which another RPC streams. */
export type StreamedList = {
  [N in keyof typeof table]: (typeof table)[N]["streamTwin"] extends RpcName ? N : never;
}[keyof typeof table];

/** The RPC that streams a list. */
export type StreamTwin<N extends StreamedList> = (typeof table)[N]["streamTwin"] & RpcName;

/** Returns the row of a method of CRI's two services. */
export function rowOf<I extends DescMessage, O extends DescMessage>(
  method: DescMethod & { readonly input: I; readonly output: O },
): RpcRow<MessageShape<I>, MessageShape<O>> {
  // The compiler cannot follow a name at run time; the row was written for the messages of this method.
  return rpcs[method.localName as RpcName] as unknown as RpcRow<MessageShape<I>, MessageShape<O>>;
}

/** Throws `invalid_request` with every problem of a request that must not reach a runtime. */
export function checkRequest<Request>(row: Pick<RpcRow<Request>, "preflight">, request: Request): void {
  const violations = new Violations();
  row.preflight(request, violations);
  violations.throwIfAny("invalid_request", "the request is invalid and was not sent");
}

/** Throws `invalid_response` with every field that CRI requires and the response lacks. */
export function checkResponse<Response>(
  row: Pick<RpcRow<unknown, Response>, "response">,
  response: Response,
): void {
  const violations = new Violations();
  row.response(response, violations);
  violations.throwIfAny("invalid_response", "the response lacks fields that CRI requires");
}

/** Returns the RPCs that a runtime answers Unimplemented to. */
export function lackedBy(runtime: MeasuredRuntime): RpcName[] {
  return (Object.keys(rpcs) as RpcName[]).filter((name) => rpcs[name].lackedBy.includes(runtime));
}

/**
 * Returns the deadline of a call in milliseconds: the caller's `timeoutMs`, by default that of the RPC; undefined for no deadline.
 * Throws `invalid_option`.
 */
export function timeoutOf(
  name: RpcName,
  request: unknown,
  options: Pick<CallOptions, "timeoutMs">,
): number | undefined {
  if (options.timeoutMs !== undefined) return checkTimeout(options.timeoutMs);
  const { timeoutMs }: MethodPolicy<never> = rpcs[name];
  return typeof timeoutMs === "function" ? timeoutMs(request as never) : timeoutMs;
}
