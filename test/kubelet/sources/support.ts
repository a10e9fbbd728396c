import type { KubeletEvent, PodSource, SourceHost } from "../../../src/kubelet/index.js";
import type { Pod } from "../../../src/kubernetes/index.js";
import { VirtualClock } from "../../support/virtual-clock.js";

/** A host that collects what a source gives. */
export interface CollectingHost extends SourceHost {
  readonly clock: VirtualClock;
  readonly events: Omit<KubeletEvent, "timeMs">[];
  readonly lists: (readonly Pod[])[];
  /** The number of calls of `refresh`. */
  refreshes(): number;
  /** The names of the Pods that were given last. */
  names(): readonly (string | undefined)[];
}

/** Starts a source on a collecting host. */
export async function startSource(source: PodSource, nodeName = "node1"): Promise<CollectingHost> {
  const lists: (readonly Pod[])[] = [];
  const events: Omit<KubeletEvent, "timeMs">[] = [];
  let refreshes = 0;
  const host: CollectingHost = {
    nodeName,
    clock: new VirtualClock(),
    signal: new AbortController().signal,
    setPods: (pods) => void lists.push(pods),
    refresh: () => void refreshes++,
    record: (event) => void events.push(event),
    node: () => ({}),
    setNode: () => undefined,
    allPods: () => undefined,
    events,
    lists,
    refreshes: () => refreshes,
    names: () => (lists.at(-1) ?? []).map(({ metadata }) => metadata?.name),
  };
  await source.start(host);
  return host;
}
