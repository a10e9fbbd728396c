import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CallOptions, invalidOption, OptionTable, option } from "../core/index.js";
import { checkOwner, defaultOwner } from "./ownership.js";

/** How a connection creates pods: `connect({ pods })`. */
export interface PodsOptions {
  /**
   * The owner of the pods and containers that this connection creates: the value of their label `cri-sdk/owner`, 1 to 63 letters,
   * digits, `-`, `_` and `.`. `cri.sweep()` selects by it. Choose a different one for each program.
   * @default "cri-sdk"
   */
  readonly owner?: string | undefined;
  /**
   * The directory on the runtime's host in which each pod gets a log directory, absolute.
   * @default /var/log/pods for root, as in Kubernetes; otherwise `cri-sdk-<uid>/pods` in the directory for temporary files
   */
  readonly logRoot?: string | undefined;
}

/** The options of {@link PodsOptions}. */
export const podsTable = new OptionTable<PodsOptions>({ owner: option.string, logRoot: option.string });

/** Options of operations that take several RPCs. */
export interface OperationOptions {
  /** Cancels the operation: reason `aborted_by_caller`. Completed steps are rolled back. */
  readonly signal?: AbortSignal | undefined;
  /**
   * The deadline of all steps together, in milliseconds; then the operation rejects with `deadline`, and completed steps are rolled
   * back. 0 and Infinity mean no deadline.
   * @default no deadline; each RPC has its own
   */
  readonly timeoutMs?: number | undefined;
}

/** The options of {@link OperationOptions}. */
export const operationTable = new OptionTable<OperationOptions>({
  signal: option.signal,
  timeoutMs: option.timeoutMs,
});

/** Options of stopping a pod or a container. */
export interface StopOptions {
  /** Cancels the call: reason `aborted_by_caller`. The runtime may continue to stop the container. */
  readonly signal?: AbortSignal | undefined;
  /**
   * How long a container may run after its stop signal before it is killed, in milliseconds, rounded up to the whole seconds of
   * CRI. 0 kills at once.
   * @default 30_000, as a Pod's `terminationGracePeriodSeconds`
   */
  readonly gracePeriodMs?: number | undefined;
  /**
   * The deadline of the whole operation, in milliseconds; then it rejects with `deadline`. Choose it longer than the grace period. 0 and
   * Infinity mean no deadline.
   * @default no deadline; each RPC has its own, two minutes plus the grace period at most
   */
  readonly timeoutMs?: number | undefined;
}

/** The options of {@link StopOptions}. */
export const stopTable = new OptionTable<StopOptions>({
  signal: option.signal,
  gracePeriodMs: option.milliseconds,
  timeoutMs: option.timeoutMs,
});

/** Options of removing a pod or a container. */
export interface RemoveOptions {
  /** Cancels the operation: reason `aborted_by_caller`. Completed steps are not rolled back. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Whether to keep the log files. Runtimes never remove them.
   * @default false
   */
  readonly keepLogs?: boolean | undefined;
  /**
   * The deadline of the whole operation, in milliseconds; then it rejects with `deadline`. 0 and Infinity mean no deadline.
   * @default no deadline; each step is retried for two minutes at most
   */
  readonly timeoutMs?: number | undefined;
}

/** The options of {@link RemoveOptions}. */
export const removeTable = new OptionTable<RemoveOptions>({
  signal: option.signal,
  keepLogs: option.boolean,
  timeoutMs: option.timeoutMs,
});

/** Options of looking up objects. @inline */
export interface LookUpOptions extends Pick<CallOptions, "signal" | "timeoutMs"> {}

/** The options of {@link LookUpOptions}. */
export const lookUpTable = new OptionTable<LookUpOptions>({
  signal: option.signal,
  timeoutMs: option.timeoutMs,
});

/** Returns the complete options. Throws `invalid_option`. */
export function resolvePodsOptions({ owner = defaultOwner, logRoot = defaultLogRoot() }: PodsOptions = {}) {
  checkOwner(owner, "pods.owner");
  if (!/^(?:\/|[a-z]:[\\/])/i.test(logRoot))
    throw invalidOption("pods.logRoot", logRoot, "must be an absolute path");
  return Object.freeze({ owner, logRoot });
}

/** For a rootless runtime, a directory that its user can write to. */
function defaultLogRoot(): string {
  if (process.getuid === undefined || process.getuid() === 0) return "/var/log/pods";
  return join(tmpdir(), `cri-sdk-${process.getuid()}`, "pods");
}
