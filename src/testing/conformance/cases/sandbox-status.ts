import assert from "node:assert/strict";
import { isIP } from "node:net";
import { NamespaceMode, PodSandboxState } from "../../../../gen/runtime/v1/api_pb.js";
import { casesOf } from "../case.js";

/** The fields of PodSandboxStatus. */
export const sandboxStatusCases = casesOf("sandbox", {
  "status-has-the-metadata": {
    title: "a sandbox's status has the metadata from its config",
    rule: "PodSandboxStatus.metadata is PodSandboxConfig.metadata: name, uid, namespace and attempt.",
    async run(context) {
      const pod = await context.pod({ attempt: 3, namespace: "another-namespace" });
      const { name, uid, namespace, attempt } = (await pod.status()).metadata ?? {};
      assert.deepEqual({ name, uid, namespace, attempt }, pod.config.metadata);
      assert.equal(attempt, 3);
    },
  },
  "status-has-the-labels": {
    title: "a sandbox's status has the labels from its config",
    rule: "PodSandboxStatus.labels is PodSandboxConfig.labels, unchanged.",
    async run(context) {
      const pod = await context.sharedPod();
      assert.deepEqual((await pod.status()).labels, pod.config.labels);
      assert.ok(Object.keys(pod.config.labels).length > 3);
    },
  },
  "status-has-the-annotations": {
    title: "a sandbox's status has the annotations from its config",
    rule: "PodSandboxStatus.annotations is PodSandboxConfig.annotations, unchanged, with any text.",
    async run(context) {
      const annotations = {
        "example.com/note": 'two\nlines, "quotes", ünïcödé 日本',
        "example.com/empty": "",
      };
      const pod = await context.pod({ annotations });
      assert.deepEqual((await pod.status()).annotations, annotations);
    },
  },
  "status-has-its-creation-in-nanoseconds": {
    title: "created_at is the time of creation in nanoseconds",
    rule: "PodSandboxStatus.created_at is the time of creation in nanoseconds since 1970.",
    async run(context) {
      const before = BigInt(Date.now() - 2_000) * 1_000_000n;
      const { createdAt } = await (await context.pod()).status();
      const after = BigInt(Date.now() + 2_000) * 1_000_000n;
      assert.ok(
        createdAt >= before && createdAt <= after,
        `${createdAt} is not between ${before} and ${after}`,
      );
    },
  },
  "status-is-stable": {
    title: "two calls return the same status",
    rule: "PodSandboxStatus changes nothing: id, created_at, state, addresses stay the same while nothing changes.",
    async run(context) {
      const pod = await context.sharedPod();
      const [first, second] = [await pod.status(), await pod.status()];
      assert.deepEqual(second, first);
    },
  },
  "status-has-an-address": {
    title: "a pod with a network of its own has an IP address",
    rule: "PodSandboxStatus.network.ip is the pod's first address, as text without a prefix length.",
    async run(context) {
      const { network } = await (await context.sharedPod()).status();
      assert.notEqual(isIP(network?.ip ?? ""), 0, `ip: ${network?.ip}`);
      for (const { ip } of network?.additionalIps ?? []) assert.notEqual(isIP(ip), 0, `additional ip: ${ip}`);
    },
  },
  "addresses-differ": {
    title: "two pods have two addresses",
    rule: "PodSandboxStatus.network.ip is the pod's own, unless it is on the host network.",
    async run(context) {
      const pods = await Promise.all([context.pod(), context.sharedPod()]);
      const ips = await Promise.all(pods.map(async (pod) => (await pod.status()).network?.ip));
      assert.equal(new Set(ips).size, 2, `${ips}`);
    },
  },
  "host-network-has-no-address": {
    title: "a pod on the host network reports that and has no address",
    rule: "With NamespaceOption.network NODE, PodSandboxStatus.network has no ip, and its namespace option is NODE.",
    async run(context) {
      const pod = await context.pod({ hostNetwork: true });
      const { network, linux } = await pod.status();
      assert.deepEqual([network?.ip ?? "", network?.additionalIps ?? []], ["", []]);
      assert.equal(linux?.namespaces?.options?.network, NamespaceMode.NODE);
    },
  },
  "status-has-the-namespaces": {
    title: "a sandbox's status has the namespaces from its config",
    rule: "PodSandboxStatus.linux.namespaces.options has network, pid and ipc as in the config.",
    async run(context) {
      const { linux } = await (await context.sharedPod()).status();
      const { network, pid, ipc } = linux?.namespaces?.options ?? {};
      const { POD, CONTAINER } = NamespaceMode;
      assert.deepEqual([network, pid, ipc], [POD, CONTAINER, POD]);
    },
  },
  "status-has-the-handler": {
    title: "a sandbox without a runtime handler reports none",
    rule: "PodSandboxStatus.runtime_handler is RunPodSandboxRequest.runtime_handler; empty is the default one.",
    async run(context) {
      const pod = await context.sharedPod();
      const { items } = await context.runtime.listPodSandbox({ filter: { id: pod.id } });
      assert.deepEqual([(await pod.status()).runtimeHandler, items[0]?.runtimeHandler], ["", ""]);
    },
  },
  "status-has-no-info-by-default": {
    title: "a sandbox's status has no info unless requested",
    rule: "PodSandboxStatusResponse.info is empty unless PodSandboxStatusRequest.verbose is true.",
    async run(context) {
      const { id } = await context.sharedPod();
      assert.deepEqual((await context.runtime.podSandboxStatus({ podSandboxId: id })).info, {});
    },
  },
  "status-has-info-when-requested": {
    title: "a sandbox's status has info when requested",
    rule: "PodSandboxStatusResponse.info has details when PodSandboxStatusRequest.verbose is true.",
    async run(context) {
      const { id } = await context.sharedPod();
      const { info } = await context.runtime.podSandboxStatus({ podSandboxId: id, verbose: true });
      assert.notEqual(Object.keys(info).length, 0);
    },
  },
  "status-accepts-a-prefix": {
    title: "a prefix of an id finds its sandbox",
    rule: "PodSandboxStatusRequest.pod_sandbox_id accepts a unique prefix of an id; the response has the complete id.",
    async run(context) {
      const { id } = await context.sharedPod();
      const { status } = await context.runtime.podSandboxStatus({ podSandboxId: id.slice(0, 20) });
      assert.equal(status?.id, id);
    },
  },
  "status-has-its-containers": {
    title: "a sandbox's status reports its containers as ContainerStatus does, if it reports them",
    rule: "PodSandboxStatusResponse.containers_statuses may be empty; otherwise it has only containers of the sandbox.",
    async run(context) {
      const container = await context.start(context.commands.run);
      const { containersStatuses } = await context.runtime.podSandboxStatus({
        podSandboxId: container.podId,
      });
      const { id, state, createdAt } = await container.status();
      for (const reported of containersStatuses.filter((one) => one.id === id))
        assert.deepEqual([reported.state, reported.createdAt], [state, createdAt]);
      const { containers } = await context.runtime.listContainers();
      const elsewhere = containers.filter(({ podSandboxId }) => podSandboxId !== container.podId);
      assert.ok(!containersStatuses.some((reported) => elsewhere.some((one) => one.id === reported.id)));
    },
  },
  "resources-update-is-accepted": {
    title: "the runtime accepts changed pod resources",
    rule: "UpdatePodSandboxResources passes a pod's new resources to the runtime; the sandbox stays ready.",
    async run(context) {
      const pod = await context.pod();
      await context.runtime.updatePodSandboxResources({
        podSandboxId: pod.id,
        resources: { cpuShares: 512n, memoryLimitInBytes: 268_435_456n },
      });
      assert.equal((await pod.status()).state, PodSandboxState.SANDBOX_READY);
    },
  },
});
