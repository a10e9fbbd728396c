import { ContainerState, PodSandboxState } from "../../gen/runtime/v1/api_pb.js";
import { isCriError, kubernetesLabels } from "../core/index.js";
import type { Cri } from "../cri.js";
import { type Clock, type NodeFacts, nodeFacts } from "../kubernetes/index.js";

/** What a kubelet finds when it starts. */
export interface FirstLook {
  readonly facts: NodeFacts;
  /** The uids of the pods that have a container which runs. */
  readonly running: ReadonlySet<string>;
  /** `namespace/name` of the pods that have a sandbox, by uid. */
  readonly names: ReadonlyMap<string, string>;
}

/** The pauses between two attempts, in milliseconds. */
const pauses = { firstMs: 200, maxMs: 5_000 } as const;

/** The reasons of errors that another attempt cannot heal. */
const lasting: ReadonlySet<string> = new Set(["client_closed", "invalid_option", "aborted_by_caller"]);

/**
 * Reads the facts of the node and which pods run. Waits for a runtime that is not up yet, until the signal fires. Rejects with what another
 * attempt cannot heal, and with the signal's reason.
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
      const facts = await nodeFacts(cri, overrides, { signal });
      return { facts, ...(await podsOf(cri, signal)) };
    } catch (error) {
      signal.throwIfAborted();
      if (!isCriError(error) || lasting.has(error.reason)) throw error;
    }
    await clock.sleep(pauseMs, signal);
  }
}

async function podsOf({ lists }: Cri, signal: AbortSignal): Promise<Pick<FirstLook, "running" | "names">> {
  const [sandboxes, containers] = await Promise.all([
    lists.podSandboxes({}, { signal }).collect(),
    lists.containers({}, { signal }).collect(),
  ]);
  const ready = new Set(
    sandboxes.filter(({ state }) => state === PodSandboxState.SANDBOX_READY).map(({ id }) => id),
  );
  const running = containers
    .filter(
      ({ state, podSandboxId }) => state === ContainerState.CONTAINER_RUNNING && ready.has(podSandboxId),
    )
    .map(({ labels }) => labels[kubernetesLabels.podUid] ?? "");
  const names = sandboxes.map(({ labels }) => {
    const { podUid, podNamespace, podName } = kubernetesLabels;
    return [labels[podUid] ?? "", `${labels[podNamespace]}/${labels[podName]}`] as const;
  });
  return { running: new Set(running), names: new Map(names) };
}
