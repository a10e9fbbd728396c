// The containers of a deleted Pod are removed after its last status was published.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { PodSource, SourcePod } from "../../../src/kubelet/index.js";
import { kubeletNode, ListSource, onePod, untilPhase } from "../../support/kubelets.js";
import { until } from "../../support/waiting.js";

/** A list whose statuses are published when the test says so. */
class PublishingSource extends ListSource implements PodSource {
  readonly settling: SourcePod[] = [];
  #publish: () => void = () => undefined;
  readonly #published = new Promise<void>((resolve) => {
    this.#publish = resolve;
  });

  async settleStatus(pod: SourcePod): Promise<void> {
    this.settling.push(pod);
    await this.#published;
  }

  publish(): void {
    this.#publish();
  }
}

test("the containers of a Pod stay until its last status was published", { timeout: 60_000 }, async (t) => {
  const source = new PublishingSource("list", [onePod("web")]);
  const node = await kubeletNode(t);
  const kubelet = await node.start([source]);
  await untilPhase(kubelet, "Running", "web");
  source.set();
  await until(() => source.settling.length === 1, "the kubelet waits for the status");
  const { containers } = await node.cri.runtime.listContainers({});
  assert.equal(containers.length, 1);
  const last = source.statuses.at(-1)?.status.containerStatuses?.[0]?.state;
  assert.ok(last?.terminated, "the status that is published says how the container ended");
  assert.deepEqual(source.removed, []);
  source.publish();
  await until(() => source.removed.length === 1, "the Pod is removed");
  assert.deepEqual((await node.cri.runtime.listContainers({})).containers, []);
});

test("a source that fails to publish delays nothing", { timeout: 60_000 }, async (t) => {
  const source: PodSource & ListSource = new ListSource("list", [onePod("web")]);
  source.settleStatus = () => Promise.reject(new Error("not reachable"));
  const node = await kubeletNode(t);
  const kubelet = await node.start([source]);
  await untilPhase(kubelet, "Running", "web");
  source.set();
  await until(() => source.removed.length === 1, "the Pod is removed");
});
