import { ContainerState, NamespaceMode } from "../../../gen/runtime/v1/api_pb.js";
import { backoff, criError, type OptionCheck, OptionTable, option, withDeadline } from "../../core/index.js";
import type { PodContext } from "../context.js";
import {
  type ContainerSnapshot,
  getContainerSnapshot,
  getSandboxStatus,
  type PodSnapshot,
  podSnapshot,
  undefinedIfMissing,
} from "../status.js";

/** Options of waiting for a pod or a container. */
export interface PodWaitOptions {
  /** Cancels the wait: reason `aborted_by_caller`, or `deadline` for `AbortSignal.timeout()`. */
  readonly signal?: AbortSignal | undefined;
  /**
   * How long to wait, in milliseconds; then it rejects with `deadline`. 0 and Infinity mean no limit.
   * @default 0
   */
  readonly timeoutMs?: number | undefined;
}

/** How long to wait between two checks while events arrive, in case one is lost. */
const recheckMs = 2_000;

/**
 * Calls `check` until it returns a value: at once, then at each notification. Without events it polls, with pauses that grow from
 * 20 ms to 500 ms.
 */
export function waitUntil<T>(
  { changes, closing }: Pick<PodContext, "changes" | "closing">,
  ids: readonly string[],
  check: (signal: AbortSignal) => Promise<T | undefined>,
  options: PodWaitOptions = {},
): Promise<T> {
  const wait = async (signal: AbortSignal) => {
    // Subscribes before the first check, so that a change between the two is not missed.
    const subscription = changes.subscribe(ids);
    try {
      let pause = backoff({ firstMs: 20, maxMs: 500, factor: 1.5 });
      for (;;) {
        const found = await check(signal);
        if (found !== undefined) return found;
        await subscription.next(subscription.live ? recheckMs : pause.delayMs(), signal);
        pause = pause.next();
      }
    } finally {
      subscription.close();
    }
  };
  return withDeadline(options, wait, closing);
}

/** What to wait for in a container: a state, or a predicate. */
export type ContainerCondition = "running" | "exited" | ((snapshot: ContainerSnapshot) => boolean);

/** Options of waiting for a container. */
export interface ContainerWaitOptions extends PodWaitOptions {
  /** The condition to wait for. @default "exited" */
  readonly until?: ContainerCondition | undefined;
}

const containerCondition: OptionCheck<ContainerCondition> = (value) =>
  typeof value === "function" ? undefined : option.oneOf("running", "exited")(value);

/** The options of {@link ContainerWaitOptions}. */
export const containerWaitTable = new OptionTable<ContainerWaitOptions>({
  signal: option.signal,
  timeoutMs: option.timeoutMs,
  until: containerCondition,
});

/** Waits for a container. Rejects with `wrong_state` when it exited and should be running. */
export function waitForContainer(
  context: PodContext,
  containerId: string,
  { until = "exited", ...options }: ContainerWaitOptions,
): Promise<ContainerSnapshot> {
  const check = async (signal: AbortSignal) => {
    const snapshot = await getContainerSnapshot(context, containerId, { signal });
    if (typeof until === "function") return until(snapshot) ? snapshot : undefined;
    if (snapshot.state === until) return snapshot;
    if (snapshot.state !== "exited") return undefined;
    // In CRI, a container can be started only once.
    const { exitCode, reason } = snapshot;
    throw criError(
      "wrong_state",
      `container ${containerId.slice(0, 13)} exited with code ${exitCode} (${reason}) and will not run again`,
      { hint: "Call container.restart() to create a new one" },
    );
  };
  return waitUntil(context, [containerId], check, options);
}

/**
 * What to wait for in a pod. `ready`: its sandbox is ready and has its address, and all its containers are running. `exited`: it
 * has containers, and all of them exited. `stopped`: its sandbox is not ready, or does not exist.
 */
export type PodCondition = "ready" | "exited" | "stopped";

/** The options of waiting for a pod. */
export const podWaitTable = new OptionTable<PodWaitOptions & { readonly until: PodCondition }>({
  signal: option.signal,
  timeoutMs: option.timeoutMs,
  until: option.required(option.oneOf("ready", "exited", "stopped")),
});

/**
 * Waits for a pod. Resolves with its status at that moment; for a sandbox that does not exist, with the last status that was seen, if
 * any. Rejects with `wrong_state` when its sandbox was stopped and should be ready.
 */
export async function waitForPod(
  context: PodContext,
  podSandboxId: string,
  condition: PodCondition,
  options: PodWaitOptions,
): Promise<PodSnapshot | undefined> {
  let last: PodSnapshot | undefined;
  const check = async (
    signal: AbortSignal,
  ): Promise<{ readonly snapshot: PodSnapshot | undefined } | undefined> => {
    const status = getSandboxStatus(context, podSandboxId, { signal }).then(podSnapshot);
    const snapshot = await (condition === "stopped" ? undefinedIfMissing(status) : status);
    last = snapshot ?? last;
    if (condition === "stopped") return snapshot?.state === "ready" ? undefined : { snapshot: last };
    // In CRI, a stopped sandbox cannot be started again.
    if (snapshot?.state !== "ready" && condition === "ready")
      throw criError(
        "wrong_state",
        `sandbox ${podSandboxId.slice(0, 13)} is not ready and will not become ready again`,
      );
    const containers = await context.lists.containers({ podSandboxId }, { signal }).collect();
    const areAll = (expected: ContainerState) => containers.every(({ state }) => state === expected);
    const holds =
      condition === "exited"
        ? containers.length > 0 && areAll(ContainerState.CONTAINER_EXITED)
        : areAll(ContainerState.CONTAINER_RUNNING) && hasAddress(snapshot);
    return holds ? { snapshot } : undefined;
  };
  const { snapshot } = await waitUntil(context, [podSandboxId], check, options);
  return snapshot;
}

/** On the host network a sandbox has no address of its own. */
function hasAddress(snapshot: PodSnapshot | undefined): boolean {
  const network = snapshot?.message.linux?.namespaces?.options?.network;
  return network === NamespaceMode.NODE || snapshot?.ip !== undefined;
}
