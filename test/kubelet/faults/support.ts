import type { TestContext } from "node:test";
import type { Kubelet, KubeletEvent, KubeletOptions } from "../../../src/kubelet/index.js";
import type { ContainerStatus, Pod } from "../../../src/kubernetes/index.js";
import type { EmbeddedOptions } from "../../../src/testing/index.js";
import { kubeletNode, ListSource } from "../../support/kubelets.js";
import { VirtualClock } from "../../support/virtual-clock.js";

/** A kubelet on a virtual clock, with Pods of a list. */
export async function startFaulty(
  t: TestContext,
  pods: readonly Pod[],
  {
    runtimeOptions = {},
    ...options
  }: Partial<KubeletOptions> & { readonly runtimeOptions?: EmbeddedOptions } = {},
) {
  const clock = new VirtualClock();
  const node = await kubeletNode(t, { clock: clock.runtime, ...runtimeOptions });
  clock.activity = () => node.runtime.calls.total;
  const list = new ListSource("list", pods);
  const kubelet = await node.start([list], { clock, ...options });
  return { ...node, clock, list, kubelet };
}

/** The events of a Pod since the start, as `type reason: message`, without repetitions that follow each other. */
export function eventsOf(events: readonly KubeletEvent[], name: string): readonly string[] {
  return events
    .filter(({ object }) => object.kind === "Pod" && object.name === name)
    .map(({ type, reason, message }) => `${type} ${reason}: ${message}`)
    .filter((text, index, all) => text !== all[index - 1]);
}

/** The status of a container of a Pod in the namespace `test`. */
export function containerOf(
  kubelet: Kubelet,
  pod: string,
  container = "main",
): ContainerStatus<Date> | undefined {
  return kubelet.pod("test", pod)?.status.containerStatuses?.find(({ name }) => name === container);
}

/** Why a container waits, as `reason: message`. */
export function waitingOf(kubelet: Kubelet, pod: string, container = "main"): string {
  const { reason = "", message = "" } = containerOf(kubelet, pod, container)?.state?.waiting ?? {};
  return message === "" ? reason : `${reason}: ${message}`;
}

/** The status and the reason of a condition of a Pod. */
export function conditionOf(kubelet: Kubelet, pod: string, type: string): string | undefined {
  const found = kubelet.pod("test", pod)?.status.conditions?.find((one) => one.type === type);
  return found && `${found.status} ${found.reason ?? ""}`.trim();
}

/** The condition Ready of the Node, as `status reason: message`. */
export function nodeReady(kubelet: Kubelet): string {
  const found = kubelet.node().status?.conditions?.find(({ type }) => type === "Ready");
  return `${found?.status} ${found?.reason}: ${found?.message}`;
}

/** Notes how a value changes, each time that a test looks. */
export function stateChanges(read: () => string) {
  const seen: string[] = [];
  return {
    seen: seen as readonly string[],
    look: () => {
      const state = read();
      if (state !== seen.at(-1)) seen.push(state);
    },
  };
}
