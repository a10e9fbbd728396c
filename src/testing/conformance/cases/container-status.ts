import assert from "node:assert/strict";
import { Signal } from "../../../../gen/runtime/v1/api_pb.js";
import { casesOf } from "../case.js";

/** The fields of ContainerStatus. */
export const containerStatusCases = casesOf("container", {
  "status-has-the-metadata": {
    title: "a container's status has the metadata from its config",
    rule: "ContainerStatus.metadata is ContainerConfig.metadata: name and attempt.",
    async run(context) {
      const name = context.name();
      const container = await context.create(context.commands.run, { metadata: { name, attempt: 4 } });
      const { metadata } = await container.status();
      assert.deepEqual([metadata?.name, metadata?.attempt], [name, 4]);
    },
  },
  "status-has-the-labels": {
    title: "a container's status has the labels from its config",
    rule: "ContainerStatus.labels is ContainerConfig.labels, unchanged.",
    async run(context) {
      const labels = { app: "web", "example.com/tier": "back", empty: "" };
      const container = await context.create(context.commands.run, { labels });
      assert.deepEqual((await container.status()).labels, container.labels);
      assert.equal(container.labels.app, "web");
    },
  },
  "status-has-the-annotations": {
    title: "a container's status has the annotations from its config",
    rule: "ContainerStatus.annotations is ContainerConfig.annotations, unchanged, with any text.",
    async run(context) {
      const annotations = {
        "example.com/note": 'two\nlines, "quotes", ünïcödé 日本',
        "example.com/empty": "",
      };
      const container = await context.create(context.commands.run, { annotations });
      assert.deepEqual((await container.status()).annotations, annotations);
    },
  },
  "status-has-its-creation-in-nanoseconds": {
    title: "created_at is the time of creation in nanoseconds",
    rule: "ContainerStatus.created_at is the time of creation in nanoseconds since 1970.",
    async run(context) {
      await context.sharedPod();
      const before = BigInt(Date.now() - 2_000) * 1_000_000n;
      const { createdAt } = await (await context.create(context.commands.run)).status();
      const after = BigInt(Date.now() + 2_000) * 1_000_000n;
      assert.ok(
        createdAt >= before && createdAt <= after,
        `${createdAt} is not between ${before} and ${after}`,
      );
    },
  },
  "times-are-in-order": {
    title: "a container was created, then started, then finished",
    rule: "ContainerStatus.created_at, started_at and finished_at are in this order, and keep their values.",
    async run(context) {
      const container = await context.start(context.commands.run);
      const running = await container.status();
      await container.stop();
      const { createdAt, startedAt, finishedAt } = await container.exited();
      assert.ok(createdAt <= startedAt && startedAt <= finishedAt, `${createdAt} ${startedAt} ${finishedAt}`);
      assert.deepEqual([createdAt, startedAt], [running.createdAt, running.startedAt]);
    },
  },
  "status-has-a-log-path": {
    title: "a container's status has the whole path of its log",
    rule: "ContainerStatus.log_path is PodSandboxConfig.log_directory and ContainerConfig.log_path joined, absolute.",
    async run(context) {
      const { config } = await context.sharedPod();
      const container = await context.create(context.commands.run, { logPath: "some-name.log" });
      assert.equal((await container.status()).logPath, `${config.logDirectory}/some-name.log`);
    },
  },
  "status-names-the-image": {
    title: "a container's status has its image, by a name and by an immutable reference",
    rule: "ContainerStatus.image is a name of the image; image_ref is one of its digests, or its id.",
    async run(context) {
      const container = await context.create(context.commands.run);
      const { image } = await context.image.imageStatus({ image: { image: context.images.main } });
      const { image: named, imageRef } = await container.status();
      const names = [...(image?.repoTags ?? []), ...(image?.repoDigests ?? []), image?.id ?? ""];
      const bare = (id: string) => id.replace(/^sha256:/, "");
      assert.ok(
        names.some((name) => bare(name) === bare(named?.image ?? "")),
        `${named?.image} of ${names}`,
      );
      assert.ok(
        names.some((name) => bare(name) === bare(imageRef)),
        `${imageRef} of ${names}`,
      );
    },
  },
  "status-has-the-mounts": {
    title: "a container's status has the mounts from its config",
    rule: "ContainerStatus.mounts has host_path, container_path and readonly of ContainerConfig.mounts.",
    async run(context) {
      const { directory } = context.target;
      const mounts = [
        { hostPath: directory, containerPath: "/mounted", readonly: true },
        { hostPath: directory, containerPath: "/mounted-too", readonly: false },
      ];
      const container = await context.create(context.commands.run, { mounts });
      const reported = (await container.status()).mounts
        .map(({ hostPath, containerPath, readonly }) => ({ hostPath, containerPath, readonly }))
        .filter(({ containerPath }) => containerPath.startsWith("/mounted"))
        .sort((one, other) => one.containerPath.length - other.containerPath.length);
      assert.deepEqual(reported, mounts);
    },
  },
  "status-has-no-info-by-default": {
    title: "a container's status has no info unless requested",
    rule: "ContainerStatusResponse.info is empty unless ContainerStatusRequest.verbose is true.",
    async run(context) {
      const { id } = await context.create(context.commands.run);
      assert.deepEqual((await context.runtime.containerStatus({ containerId: id })).info, {});
    },
  },
  "status-has-info-when-requested": {
    title: "a container's status has info when requested",
    rule: "ContainerStatusResponse.info has details when ContainerStatusRequest.verbose is true.",
    async run(context) {
      const { id } = await context.start(context.commands.run);
      const { info } = await context.runtime.containerStatus({ containerId: id, verbose: true });
      assert.notEqual(Object.keys(info).length, 0);
    },
  },
  "status-accepts-a-prefix": {
    title: "a prefix of an id finds its container",
    rule: "ContainerStatusRequest.container_id accepts a unique prefix of an id; the response has the complete id.",
    async run(context) {
      const { id } = await context.create(context.commands.run);
      const { status } = await context.runtime.containerStatus({ containerId: id.slice(0, 20) });
      assert.equal(status?.id, id);
    },
  },
  "status-has-the-stop-signal": {
    title: "a container's status has the stop signal that it was created with",
    rule: "ContainerStatus.stop_signal is the signal that StopContainer sends first: ContainerConfig.stop_signal.",
    async run(context) {
      const container = await context.create(context.commands.run, { stopSignal: Signal.SIGINT });
      assert.equal((await container.status()).stopSignal, Signal.SIGINT);
    },
  },
});
