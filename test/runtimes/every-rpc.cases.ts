import assert from "node:assert/strict";
import { test } from "node:test";
import { isCriError } from "../../src/index.js";
import { ContainerState, PodSandboxState } from "../../src/v1.js";
import { failure } from "../support/failure.js";
import { eventually, runPod, type Subject } from "./support.js";

/** Cases that call every RPC of the exact layer at least once, along the lifecycle of a pod. */
export function everyRpcCases(subject: () => Subject): void {
  test("version, status, features", async () => {
    const { cri, runtime, abilities } = subject();
    const version = await cri.runtime.version();
    assert.ok(runtime.name.startsWith(`${version.runtimeName}-`), version.runtimeName);
    assert.equal(version.runtimeVersion, runtime.version);
    const { status } = await cri.runtime.status();
    assert.ok(status?.conditions.some(({ type, status }) => type === "RuntimeReady" && status));
    const features = await cri.features();
    assert.equal(features.apiVersion, "v1");
    assert.equal(features.handlers.length > 0, abilities.handlers);
    await cri.runtime.updateRuntimeConfig({});
  });

  test("images: pull, status, list, filesystem, remove", async () => {
    const { cri, running } = subject();
    const image = { image: running.images.tiny };
    const { imageRef } = await cri.image.pullImage({ image });
    assert.match(imageRef, /^(?:sha256:)?[0-9a-f]{64}$/);
    const { image: found } = await cri.image.imageStatus({ image, verbose: true });
    assert.equal(found?.id, imageRef);
    assert.ok((await cri.lists.images().collect()).some(({ id }) => id === imageRef));
    assert.ok((await cri.image.listImages()).images.some(({ id }) => id === imageRef));
    const { imageFilesystems } = await cri.image.imageFsInfo();
    assert.ok(imageFilesystems.length > 0);
    await cri.image.removeImage({ image });
    await cri.image.removeImage({ image });
    assert.equal((await cri.image.imageStatus({ image })).image, undefined);
  });

  test("the lifecycle of a pod", async () => {
    const { cri } = subject();
    const { runtime } = cri;
    await using pod = await runPod(subject(), "life");
    const { podSandboxId } = pod;
    const { status, info } = await runtime.podSandboxStatus({ podSandboxId, verbose: true });
    assert.equal(status?.state, PodSandboxState.SANDBOX_READY);
    assert.ok(status.network?.ip);
    assert.ok(info.info);
    assert.deepEqual(
      (await runtime.listPodSandbox({ filter: { id: podSandboxId } })).items.map(({ id }) => id),
      [podSandboxId],
    );
    assert.equal((await cri.lists.podSandboxes({ labelSelector: { test: "life" } }).collect()).length, 1);

    const containerId = await pod.container(["sleep", "600"]);
    const { status: container } = await runtime.containerStatus({ containerId });
    assert.equal(container?.state, ContainerState.CONTAINER_RUNNING);
    assert.equal(
      container.image?.userSpecifiedImage || container.image?.image,
      subject().running.images.busybox,
    );
    const { containers } = await runtime.listContainers({ filter: { podSandboxId } });
    assert.deepEqual(
      containers.map(({ id }) => id),
      [containerId],
    );

    const done = await runtime.execSync({
      containerId,
      cmd: ["sh", "-c", "echo out; echo err >&2; exit 3"],
      timeout: 10n,
    });
    assert.deepEqual(
      [Buffer.from(done.stdout).toString(), Buffer.from(done.stderr).toString(), done.exitCode],
      ["out\n", "err\n", 3],
    );
    for (const { url } of [
      await runtime.exec({ containerId, cmd: ["true"], stdout: true }),
      await runtime.attach({ containerId, stdout: true }),
      await runtime.portForward({ podSandboxId, port: [80] }),
    ])
      assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\//);

    const { stats } = await runtime.containerStats({ containerId });
    assert.ok((stats?.cpu?.usageCoreNanoSeconds?.value ?? 0n) > 0n);
    assert.ok((await runtime.podSandboxStats({ podSandboxId })).stats?.linux?.memory);
    assert.equal((await cri.lists.containerStats({ podSandboxId }).collect()).length, 1);
    assert.equal((await runtime.listContainerStats({ filter: { podSandboxId } })).stats.length, 1);
    assert.equal((await cri.lists.podSandboxStats({ id: podSandboxId }).collect()).length, 1);
    assert.equal((await runtime.listPodSandboxStats({ filter: { id: podSandboxId } })).stats.length, 1);

    await runtime.updateContainerResources({ containerId, linux: { cpuShares: 512n } });
    await runtime.reopenContainerLog({ containerId });

    await runtime.stopContainer({ containerId, timeout: 0n });
    await runtime.stopContainer({ containerId });
    const { status: stopped } = await runtime.containerStatus({ containerId });
    assert.equal(stopped?.state, ContainerState.CONTAINER_EXITED);
    assert.equal(stopped.exitCode, 137);
    await runtime.removeContainer({ containerId });
    await runtime.removeContainer({ containerId });
    await failure(runtime.containerStatus({ containerId }), "object_missing");
  });

  test("events of a pod's lifecycle, if the runtime supports them", async () => {
    const { cri, abilities } = subject();
    const seen: string[] = [];
    const stop = new AbortController();
    const reading = (async () => {
      for await (const event of cri.runtime.getContainerEvents({}, { signal: stop.signal }))
        seen.push(event.containerId);
    })();
    if (!abilities.events) {
      await failure(reading, "unimplemented");
      assert.ok((await cri.features()).unimplemented.includes("getContainerEvents"));
      return;
    }
    const ended = failure(reading, "aborted_by_caller");
    let id: string;
    {
      await using pod = await runPod(subject(), "events");
      id = await pod.container(["sleep", "600"]);
    }
    // The events: created, started, stopped and deleted.
    await eventually(
      "all four events of the container arrive",
      () => seen.filter((one) => one === id).length >= 4,
    );
    stop.abort(new Error("seen enough"));
    const error = await ended;
    assert.equal((error.cause as Error).message, "seen enough");
  });

  test("optional RPCs fail as unimplemented, and the lists fall back", async () => {
    const { cri, running } = subject();
    await using pod = await runPod(subject(), "optional");
    const { podSandboxId } = pod;
    const containerId = await pod.container(["sleep", "600"]);
    const optional: [string, () => Promise<unknown>][] = [
      ["runtimeConfig", () => cri.runtime.runtimeConfig()],
      ["updatePodSandboxResources", () => cri.runtime.updatePodSandboxResources({ podSandboxId })],
      ["listMetricDescriptors", () => cri.runtime.listMetricDescriptors()],
      ["listPodSandboxMetrics", () => cri.runtime.listPodSandboxMetrics()],
      [
        "checkpointPod",
        () => cri.runtime.checkpointPod({ podSandboxId, outputPath: `${running.dir}/checkpoint` }),
      ],
      [
        "restorePod",
        () => cri.runtime.restorePod({ checkpointPath: `${running.dir}/none`, config: pod.sandboxConfig }),
      ],
      [
        "checkpointContainer",
        () => cri.runtime.checkpointContainer({ containerId, location: `${running.dir}/c.tar` }),
      ],
      ["streamPodSandboxMetrics", () => cri.lists.podSandboxMetrics().collect()],
    ];
    for (const [name, call] of optional) {
      try {
        await call();
      } catch (error) {
        if (!isCriError(error)) throw error;
        // A runtime that implements CheckpointContainer fails with its own error without CRIU.
        const lacksCriu = name === "checkpointContainer" && error.reason === "runtime_error";
        assert.ok(
          lacksCriu || error.reason === "unimplemented",
          `${name}: ${error.reason}: ${error.message}`,
        );
      }
    }
    const { unimplemented } = await cri.features();
    assert.ok(
      unimplemented.includes("streamContainers") || (await cri.lists.containers().collect()).length > 0,
    );
    assert.ok((await cri.features()).unimplemented.includes("checkpointPod"));
  });
}
