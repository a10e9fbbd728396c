import { PodSandboxState } from "../../gen/runtime/v1/api_pb.js";
import { isCriError, kubernetesLabels } from "../core/index.js";
import type { Cri } from "../cri.js";
import { type Clock, type NodeFacts, nodeFacts } from "../kubernetes/index.js";
import { withClockDeadline } from "./clock-waits.js";
import { isOwnedBy, sandboxOwner } from "./pods/sandbox-owner.js";

/** The state of the node when a kubelet starts. */
export interface FirstLook {
  readonly facts: NodeFacts;
  /** The uids of the pods whose sandbox is ready: they run, or wait for the restart of a container. */
  readonly running: ReadonlySet<string>;
  /** The uids of the pods that have a container, in any state. */
  readonly started: ReadonlySet<string>;
  /** The uids of the pods whose sandbox this kubelet, or an earlier one with its node and folder, has started. */
  readonly owned: ReadonlySet<string>;
  /** `namespace/name` of the pods that have a sandbox, by uid. */
  readonly names: ReadonlyMap<string, string>;
}

/** The pauses between two attempts, in milliseconds. */
const pauses = { firstMs: 200, maxMs: 5_000 } as const;

/** The time for an attempt, in milliseconds, as for a relist: a call whose response was lost has no other deadline than two minutes. */
const attemptMs = 30_000;

/** The reasons of errors that a retry cannot fix. */
const lasting: ReadonlySet<string> = new Set(["client_closed", "invalid_option", "aborted_by_caller"]);

/**
 * Reads the facts of the node and which pods run. Waits for a runtime that is not up yet, until the signal fires. Rejects with errors that
 * a retry cannot fix, and with the signal's reason.
 */
export async function firstLook(
  cri: Cri,
  overrides: Partial<NodeFacts>,
  clock: Clock,
  signal: AbortSignal,
): Promise<FirstLook> {
  for (let pauseMs: number = pauses.firstMs; ; pauseMs = Math.min(2 * pauseMs, pauses.maxMs)) {
    signal.throwIfAborted();
    try {
      return await withClockDeadline(
        clock,
        attemptMs,
        signal,
        "the first look at the runtime",
        async (bound) => {
          const facts = await nodeFacts(cri, overrides, { signal: bound });
          return { facts, ...(await podsOf(cri, sandboxOwner(facts), bound)) };
        },
      );
    } catch (error) {
      signal.throwIfAborted();
      if (!isCriError(error) || lasting.has(error.reason)) throw error;
    }
    await clock.sleep(pauseMs, signal);
  }
}

async function podsOf({ lists }: Cri, owner: string, signal: AbortSignal): Promise<Omit<FirstLook, "facts">> {
  const { podUid, podNamespace, podName } = kubernetesLabels;
  const [sandboxes, containers] = await Promise.all([
    lists.podSandboxes({}, { signal }).collect(),
    lists.containers({}, { signal }).collect(),
  ]);
  const ready = sandboxes.filter(({ state }) => state === PodSandboxState.SANDBOX_READY);
  const names = sandboxes.map(
    ({ labels }) => [labels[podUid] ?? "", `${labels[podNamespace]}/${labels[podName]}`] as const,
  );
  const owned = sandboxes.filter((sandbox) => isOwnedBy(owner, sandbox));
  return {
    owned: new Set(owned.map(({ labels }) => labels[podUid] ?? "").filter((uid) => uid !== "")),
    running: new Set(ready.map(({ labels }) => labels[podUid] ?? "")),
    started: new Set(containers.map(({ labels }) => labels[podUid] ?? "")),
    names: new Map(names),
  };
}
