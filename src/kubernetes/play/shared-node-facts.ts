import type { Cri } from "../../cri.js";
import type { NodeFacts } from "../config/node-facts.js";
import { nodeFacts } from "../facts/node-facts.js";

/** What {@link nodeFacts} is asked for: overrides of the caller, and the folders and the cgroup of played pods. */
export interface NodeFactsRequest {
  readonly node: Partial<NodeFacts> | undefined;
  readonly rootDir: string;
  readonly podLogsDir: string;
}

interface Reading extends NodeFactsRequest {
  readonly facts: Promise<NodeFacts>;
}

/** The cgroup above those of played pods: a kubelet removes unknown ones below its own `kubepods`. */
const cgroupRoot = "/cri-sdk";

/** The readings that have not ended, by their connection. */
const inFlight = new WeakMap<Cri, Set<Reading>>();

/**
 * Reads the facts of the node for a pod. Pods that start at the same time share one reading: a reading makes three calls and reads about
 * 20 files, for which Node takes buffers of 64 KiB. Later pods read again, since the facts may have changed.
 */
export function sharedNodeFacts(
  cri: Cri,
  { node, rootDir, podLogsDir }: NodeFactsRequest,
): Promise<NodeFacts> {
  const readings = inFlight.get(cri) ?? new Set();
  inFlight.set(cri, readings);
  for (const one of readings)
    if (one.node === node && one.rootDir === rootDir && one.podLogsDir === podLogsDir) return one.facts;
  const facts = nodeFacts(cri, { cgroupRoot, ...node, rootDir, podLogsDir }).finally(() =>
    readings.delete(reading),
  );
  const reading: Reading = { node, rootDir, podLogsDir, facts };
  readings.add(reading);
  return facts;
}
