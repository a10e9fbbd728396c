import { join } from "node:path";
import type { TestContext } from "node:test";
import {
  createKubelet,
  type Kubelet,
  type KubeletEvent,
  type KubeletOptions,
  type PodSource,
  type SourceHost,
  type SourcePod,
} from "../../src/kubelet/index.js";
import { defaultPod, type Pod, type PodSpec, type PodStatus } from "../../src/kubernetes/index.js";
import type { EmbeddedOptions } from "../../src/testing/index.js";
import { cleanup } from "./cleanup.js";
import { busybox, scripted } from "./embedded.js";
import { tempFolder } from "./temp.js";
import { until, within } from "./waiting.js";

/** A source whose Pods the test sets. It records what it is told. */
export class ListSource implements PodSource {
  readonly name: string;
  readonly statuses: { readonly pod: SourcePod; readonly status: PodStatus<Date> }[] = [];
  readonly removed: SourcePod[] = [];
  readonly events: KubeletEvent[] = [];
  host: SourceHost | undefined;
  isClosed = false;
  #pods: readonly Pod[] | undefined;

  /** @param pods undefined: the source gives its Pods later */
  constructor(name: string, pods: readonly Pod[] | undefined) {
    this.name = name;
    this.#pods = pods;
  }

  async start(host: SourceHost): Promise<void> {
    this.host = host;
    if (this.#pods) host.setPods(this.#pods);
  }

  set(...pods: readonly Pod[]): void {
    this.#pods = pods;
    this.host?.setPods(pods);
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.host = undefined;
  }

  onStatus(pod: SourcePod, status: PodStatus<Date>): void {
    this.statuses.push({ pod, status });
  }

  onRemoved(pod: SourcePod): void {
    this.removed.push(pod);
  }

  onEvent(event: KubeletEvent): void {
    this.events.push(event);
  }

  /** The phases that were reported of a Pod, without repetitions. */
  phases(name: string): readonly string[] {
    const all = this.statuses.filter(({ pod }) => pod.pod.metadata?.name === name);
    return all
      .map(({ status }) => status.phase ?? "")
      .filter((phase, index, list) => phase !== list[index - 1]);
  }
}

/** A Pod of one container with a command of the scripted programs, with a uid. */
export function onePod(name: string, command: readonly string[] = ["run"], spec: Partial<PodSpec> = {}): Pod {
  return defaultPod({
    metadata: { name, namespace: "test" },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [{ name: "main", image: busybox, command: [...command] }],
      ...spec,
    },
  });
}

/** An embedded runtime with scripted programs, and a folder for kubelets on it. */
export async function kubeletNode(t: TestContext, options: EmbeddedOptions = {}) {
  const folder = await tempFolder(t);
  const node = await scripted(t, options);
  const rootDir = join(folder, "kubelet");
  /** Starts a kubelet, which is closed after the test. */
  const start = async (
    sources: readonly PodSource[],
    more: Partial<KubeletOptions> = {},
  ): Promise<Kubelet> => {
    const kubelet = await within(
      30_000,
      createKubelet({
        cri: node.cri,
        rootDir,
        nodeName: "node",
        withoutMounts: "allow",
        // The disk of the machine of a test may be full.
        eviction: false,
        // The programs of the embedded runtime are in none.
        cgroups: false,
        imageGarbageCollection: false,
        sources,
        ...more,
      }),
      "createKubelet()",
    );
    cleanup(t, () => within(30_000, kubelet.close(), "kubelet.close()"));
    return kubelet;
  };
  return { ...node, rootDir, start };
}

/** Waits until Pods have a phase, all of them. */
export async function untilPhase(
  kubelet: Kubelet,
  phase: string,
  ...names: readonly string[]
): Promise<void> {
  await kubelet
    .waitFor(() => names.every((name) => kubelet.pod("test", name)?.status.phase === phase), {
      timeoutMs: 30_000,
    })
    .catch((error: unknown) => {
      const seen = kubelet.pods().map(({ pod, state, status }) => [pod.metadata.name, state, status.phase]);
      throw new Error(`${names.join(", ")}: not ${phase}, but ${JSON.stringify(seen)}`, { cause: error });
    });
}

/** Waits until a kubelet knows no Pods but these. */
export async function untilOnly(kubelet: Kubelet, ...names: readonly string[]): Promise<void> {
  const listed = () =>
    kubelet
      .pods()
      .map(({ pod }) => pod.metadata.name)
      .sort();
  await until(
    () => JSON.stringify(listed()) === JSON.stringify([...names].sort()),
    `only ${names.join(", ")}`,
  );
}
