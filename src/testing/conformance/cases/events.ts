import assert from "node:assert/strict";
import { ContainerState, PodSandboxState } from "../../../../gen/runtime/v1/api_pb.js";
import { casesOf } from "../case.js";
import { EventRecorder } from "../event-recorder.js";

const { CONTAINER_CREATED, CONTAINER_RUNNING, CONTAINER_EXITED } = ContainerState;

/** GetContainerEvents. */
export const eventCases = casesOf("events", {
  "container-has-four": {
    title: "a container's life is four events, in order",
    rule: "GetContainerEvents tells of a container: created, started, stopped, deleted, each once.",
    async run(context) {
      const events = await EventRecorder.open(context);
      const container = await context.start(context.commands.run);
      await container.stop();
      await context.runtime.removeContainer({ containerId: container.id });
      await events.sees(container.id, "deleted");
      assert.deepEqual(events.kinds(container.id), ["created", "started", "stopped", "deleted"]);
    },
  },
  "exit-is-a-stop": {
    title: "a container that ends by itself is told of as stopped, with its exit code",
    rule: "GetContainerEvents: CONTAINER_STOPPED_EVENT comes for an end by itself as well, with its exit_code.",
    async run(context) {
      const events = await EventRecorder.open(context);
      const { id } = await context.start(context.commands.exit(5));
      const { containersStatuses } = await events.sees(id, "stopped");
      const status = containersStatuses.find((one) => one.id === id);
      assert.deepEqual([status?.state, status?.exitCode], [CONTAINER_EXITED, 5]);
    },
  },
  "created-has-the-container": {
    title: "the event of a creation has the new container among the states",
    rule: "GetContainerEvents: containers_statuses has all containers of the pod, as they were then.",
    async run(context) {
      const events = await EventRecorder.open(context);
      const { id } = await context.create(context.commands.run);
      const { containersStatuses } = await events.sees(id, "created");
      assert.equal(containersStatuses.find((one) => one.id === id)?.state, CONTAINER_CREATED);
    },
  },
  "started-has-the-container": {
    title: "the event of a start has the container as running",
    rule: "GetContainerEvents: containers_statuses has the state that the event is about.",
    async run(context) {
      const events = await EventRecorder.open(context);
      const { id } = await context.start(context.commands.run);
      const { containersStatuses } = await events.sees(id, "started");
      assert.equal(containersStatuses.find((one) => one.id === id)?.state, CONTAINER_RUNNING);
    },
  },
  "deleted-lacks-the-container": {
    title: "the event of a removal no longer has the container among the states",
    rule: "GetContainerEvents: in a CONTAINER_DELETED_EVENT, containers_statuses has the pod's other containers only.",
    async run(context) {
      const events = await EventRecorder.open(context);
      const { id } = await context.create(context.commands.run);
      await context.runtime.removeContainer({ containerId: id });
      const { containersStatuses } = await events.sees(id, "deleted");
      assert.ok(!containersStatuses.some((one) => one.id === id));
    },
  },
  "container-events-have-the-sandbox": {
    title: "the events of a container have the state of its sandbox",
    rule: "GetContainerEvents: pod_sandbox_status is the status of the container's sandbox.",
    async run(context) {
      const events = await EventRecorder.open(context);
      const pod = await context.sharedPod();
      const { id } = await pod.start(context.commands.run);
      const { podSandboxStatus } = await events.sees(id, "started");
      const { state, metadata, labels } = await pod.status();
      assert.deepEqual(
        [podSandboxStatus?.id, podSandboxStatus?.state, podSandboxStatus?.metadata, podSandboxStatus?.labels],
        [pod.id, state, metadata, labels],
      );
    },
  },
  "have-a-time": {
    title: "events have the time at which they were made, and do not go back",
    rule: "GetContainerEvents: created_at is in nanoseconds; a later event of a container has no earlier one.",
    async run(context) {
      const events = await EventRecorder.open(context);
      const before = BigInt(Date.now() - 2_000) * 1_000_000n;
      const container = await context.start(context.commands.run);
      await container.stop();
      await events.sees(container.id, "stopped");
      const times = events.of(container.id).map(({ createdAt }) => createdAt);
      assert.deepEqual(
        times,
        [...times].sort((one, other) => Number(one - other)),
      );
      assert.ok(
        (times[0] ?? 0n) >= before && (times.at(-1) ?? 0n) <= BigInt(Date.now() + 2_000) * 1_000_000n,
      );
    },
  },
  "sandbox-is-created": {
    title: "a sandbox's creation is an event",
    rule: "GetContainerEvents tells of a sandbox under its id: CONTAINER_CREATED_EVENT, then started.",
    async run(context) {
      const events = await EventRecorder.open(context);
      const { id } = await context.pod();
      await events.sees(id, "started");
      assert.deepEqual(events.kinds(id), ["created", "started"]);
    },
  },
  "sandbox-is-started": {
    title: "a sandbox's start is an event, with the sandbox ready",
    rule: "GetContainerEvents: CONTAINER_STARTED_EVENT comes for a sandbox that was run, with its pod_sandbox_status.",
    async run(context) {
      const events = await EventRecorder.open(context);
      const { id } = await context.pod();
      const { podSandboxStatus } = await events.sees(id, "started");
      assert.deepEqual([podSandboxStatus?.id, podSandboxStatus?.state], [id, PodSandboxState.SANDBOX_READY]);
    },
  },
  "sandbox-is-stopped": {
    title: "stopping a sandbox is an event of its containers, and of itself",
    rule: "StopPodSandbox makes CONTAINER_STOPPED_EVENT for every running container, and for the sandbox.",
    async run(context) {
      const events = await EventRecorder.open(context);
      const pod = await context.pod();
      const container = await pod.start(context.commands.run);
      await context.runtime.stopPodSandbox({ podSandboxId: pod.id });
      await events.sees(container.id, "stopped");
      const { podSandboxStatus } = await events.sees(pod.id, "stopped");
      assert.equal(podSandboxStatus?.state, PodSandboxState.SANDBOX_NOTREADY);
    },
  },
  "sandbox-is-deleted": {
    title: "removing a sandbox is an event of its containers, and of itself",
    rule: "RemovePodSandbox makes CONTAINER_DELETED_EVENT for every container, and for the sandbox.",
    async run(context) {
      const events = await EventRecorder.open(context);
      const pod = await context.pod();
      const container = await pod.create(context.commands.run);
      await context.runtime.stopPodSandbox({ podSandboxId: pod.id });
      await context.runtime.removePodSandbox({ podSandboxId: pod.id });
      await events.sees(container.id, "deleted");
      await events.sees(pod.id, "deleted");
    },
  },
  "commands-have-none": {
    title: "a command in a container is no event",
    rule: "GetContainerEvents tells of no ExecSync, Exec, or change of resources.",
    async run(context) {
      const events = await EventRecorder.open(context);
      const { id } = await context.start(context.commands.run);
      await context.runtime.execSync({ containerId: id, cmd: [...context.commands.exit(1)] });
      await context.runtime.removeContainer({ containerId: id });
      await events.sees(id, "deleted");
      assert.deepEqual(events.kinds(id), ["created", "started", "stopped", "deleted"]);
    },
  },
  "come-to-every-reader": {
    title: "two readers hear of the same",
    rule: "Each GetContainerEvents has all events, however many readers there are.",
    async run(context) {
      const readers = [await EventRecorder.open(context), await EventRecorder.open(context)];
      const container = await context.start(context.commands.run);
      await container.stop();
      for (const events of readers) {
        await events.sees(container.id, "stopped");
        assert.deepEqual(events.kinds(container.id), ["created", "started", "stopped"]);
      }
    },
  },
  "go-on-when-a-reader-leaves": {
    title: "a reader that leaves takes nothing from the runtime, nor from those that come later",
    rule: "The end of one GetContainerEvents is not the end of another.",
    async run(context) {
      (await EventRecorder.open(context)).close();
      const events = await EventRecorder.open(context);
      const { id } = await context.start(context.commands.run);
      await events.sees(id, "started");
    },
  },
});
