import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, test } from "node:test";
import { failure } from "../support/failure.js";
import { eventually, runPod, type Subject } from "./support.js";

const busy = ["sh", "-c", "while :; do :; done"];

/** Runs a pod without a cgroup parent, which breaks ListPodSandboxStats; it is removed at the end of its scope. */
async function runBrokenPod({ cri }: Subject) {
  const metadata = { name: "no-cgroup", uid: randomUUID(), namespace: "cri-sdk-test", attempt: 0 };
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: { metadata, linux: {} } });
  return {
    podSandboxId,
    async [Symbol.asyncDispose]() {
      await cri.runtime.stopPodSandbox({ podSandboxId });
      await cri.runtime.removePodSandbox({ podSandboxId });
    },
  };
}

export function statsCases(subject: () => Subject): void {
  describe("usage", () => {
    test("CPU rate and memory of a busy container and its pod", async () => {
      const { cri } = subject();
      await using pod = await runPod(subject(), "stats");
      const id = await pod.container(busy);
      const filter = { podId: pod.podSandboxId };
      // On a busy machine, the container may get little CPU time at first.
      await eventually("the container has a high CPU rate", async () => {
        const { items } = await cri.stats.containers(filter, { rateOverMs: 500 });
        return (items[0]?.cpu?.cores ?? 0) > 0.2;
      });
      const container = await cri.stats.container(id);
      const { metadata } = pod.sandboxConfig;
      assert.deepEqual(
        [container.podId, container.podName, container.podNamespace, container.podUid],
        [pod.podSandboxId, metadata.name, metadata.namespace, metadata.uid],
      );
      assert.ok(container.createdAt && container.at && container.createdAt <= container.at);
      assert.ok((container.memory?.workingSetBytes ?? 0n) > 0n);
      assert.ok((container.cpu?.usageNanos ?? 0n) > 0n);

      const { cores } = (await cri.stats.pod(pod.podSandboxId, { rateOverMs: 500 })).cpu ?? {};
      assert.ok((cores ?? 0) > 0, `${cores}`);
      const { items, failed } = await cri.stats.pods({ id: pod.podSandboxId });
      assert.deepEqual(failed, []);
      assert.deepEqual(
        items.map((usage) => [usage.id, usage.containers.map((one) => one.id)]),
        [[pod.podSandboxId, [id]]],
      );
      assert.ok((items[0]?.memory?.workingSetBytes ?? 0n) >= (container.memory?.rssBytes ?? 1n));
      assert.equal(items[0]?.network?.interfaces[0]?.name, "eth0");
    });

    test("a pod without a cgroup parent does not hide other pods from lists, samples and pages", async () => {
      const { cri } = subject();
      await using good = await runPod(subject(), "stats-good");
      await good.container(["sleep", "600"]);
      await using stopped = await runPod(subject(), "stats-stopped");
      await cri.runtime.stopPodSandbox({ podSandboxId: stopped.podSandboxId });
      await using bad = await runBrokenPod(subject());
      if (subject().abilities.statsWithoutCgroup) {
        const { items, failed } = await cri.stats.pods();
        const ids = items.map(({ id }) => id);
        assert.ok(ids.includes(good.podSandboxId) && ids.includes(bad.podSandboxId));
        assert.ok(!ids.includes(stopped.podSandboxId));
        assert.deepEqual(failed, []);
        return;
      }
      // containerd 1.6 stops at the first pod that has no stats, in the random order of a Go map.
      const { reason } = await failure(cri.runtime.listPodSandboxStats());
      assert.ok(reason === "cgroup_parent_missing" || reason === "wrong_state", reason);
      await failure(cri.stats.pod(bad.podSandboxId), "cgroup_parent_missing");
      await failure(cri.stats.pod(stopped.podSandboxId), "wrong_state");

      const { items, failed } = await cri.stats.pods();
      const ids = items.map(({ id }) => id);
      assert.ok(ids.includes(good.podSandboxId));
      assert.ok(!ids.includes(bad.podSandboxId) && !ids.includes(stopped.podSandboxId));
      assert.deepEqual(
        failed.map(({ id, name, error }) => [id, name, error.reason]),
        [[bad.podSandboxId, "no-cgroup", "cgroup_parent_missing"]],
      );

      let samples = 0;
      for await (const sample of cri.stats.watch({ intervalMs: 100 })) {
        assert.equal(sample.error, undefined);
        assert.deepEqual(
          sample.failed.map(({ id }) => id),
          [bad.podSandboxId],
        );
        assert.ok(sample.pods.some(({ id }) => id === good.podSandboxId));
        if (++samples === 3) break;
      }

      const page = await cri.stats.toPrometheus();
      const labels = 'namespace="cri-sdk-test",pod="stats-good"';
      for (const name of ["container_cpu_usage_seconds_total", "container_memory_working_set_bytes"])
        assert.match(page, new RegExp(`^${name}\\{container="c0",${labels}\\} [\\d.]+ \\d{13}$`, "m"));
      for (const name of ["pod_cpu_usage_seconds_total", "pod_memory_working_set_bytes"])
        assert.match(page, new RegExp(`^${name}\\{${labels}\\} [\\d.]+ \\d{13}$`, "m"));
      const broken = 'kind="pod",name="no-cgroup",namespace="cri-sdk-test",pod="no-cgroup"';
      assert.ok(page.includes(`\ncri_stats_failed{${broken},reason="cgroup_parent_missing"} 1\n`));
      assert.match(page, /^resource_scrape_error 1$/m);
    });

    test("stats of an exited container and of one that was never started", async () => {
      const { cri } = subject();
      await using pod = await runPod(subject(), "stats-ended");
      const never = await pod.container(busy, false);
      const ended = await pod.container(["true"]);
      await eventually("the container exited", async () => {
        const { status } = await cri.runtime.containerStatus({ containerId: ended });
        return (status?.finishedAt ?? 0n) > 0n;
      });
      for (const id of [never, ended]) await failure(cri.stats.container(id), "wrong_state");
      const { items, failed } = await cri.stats.containers({ podId: pod.podSandboxId });
      assert.deepEqual(failed, []);
      assert.deepEqual(
        items.map(({ cpu, memory }) => [cpu, memory]),
        items.map(() => [undefined, undefined]),
      );
    });
  });
}
