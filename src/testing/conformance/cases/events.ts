import assert from "node:assert/strict";
import { ContainerState, PodSandboxState } from "../../../../gen/runtime/v1/api_pb.js";
import { casesOf } from "../case.js";
import { EventRecorder } from "../event-recorder.js";

const { CONTAINER_CREATED, CONTAINER_RUNNING, CONTAINER_EXITED } = ContainerState;

/** GetContainerEvents. */
export const eventCases = casesOf("events", {
  "container-has-four": {
    title: "a container's life cycle is four events, in order",
    rule: "GetContainerEvents reports a container as created, started, stopped and deleted, each once.",
    async run(context) {
      const events = await EventRecorder.open(context);
      const container = await context.start(context.commands.run);
      await container.stop();
      await context.runtime.removeContainer({ containerId: container.id });
      await events.expect(container.id, "deleted");
      assert.deepEqual(events.kinds(container.id), ["created", "started", "stopped", "deleted"]);
    },
  },
  "exit-is-a-stop": {
    title: "a container that ends by itself is reported as stopped, with its exit code",
    rule: "GetContainerEvents: CONTAINER_STOPPED_EVENT is also sent when a process ends by itself, with its exit_code.",
    async run(context) {
      const events = await EventRecorder.open(context);
      const { id } = await context.start(context.commands.exit(5));
      const { containersStatuses } = await events.expect(id, "stopped");
      const status = containersStatuses.find((one) => one.id === id);
      assert.deepEqual([status?.state, status?.exitCode], [CONTAINER_EXITED, 5]);
    },
  },
  "created-has-the-container": {
    title: "a created event includes the new container's status",
    rule: "GetContainerEvents: containers_statuses has all containers of the pod at that time.",
    async run(context) {
      const events = await EventRecorder.open(context);
      const { id } = await context.create(context.commands.run);
      const { containersStatuses } = await events.expect(id, "created");
      assert.equal(containersStatuses.find((one) => one.id === id)?.state, CONTAINER_CREATED);
    },
  },
  "started-has-the-container": {
    title: "a started event has the container as running",
    rule: "GetContainerEvents: containers_statuses has the state that the event reports.",
    async run(context) {
      const events = await EventRecorder.open(context);
      const { id } = await context.start(context.commands.run);
      const { containersStatuses } = await events.expect(id, "started");
      assert.equal(containersStatuses.find((one) => one.id === id)?.state, CONTAINER_RUNNING);
    },
  },
  "deleted-lacks-the-container": {
    title: "a deleted event no longer includes the container's status",
    rule: "GetContainerEvents: in a CONTAINER_DELETED_EVENT, containers_statuses has the pod's other containers only.",
    async run(context) {
      const events = await EventRecorder.open(context);
      const container = await context.create(context.commands.run);
      const { id } = container;
      await container.remove();
      const { containersStatuses } = await events.expect(id, "deleted");
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
      const { podSandboxStatus } = await events.expect(id, "started");
      const { state, metadata, labels } = await pod.status();
      assert.deepEqual(
        [podSandboxStatus?.id, podSandboxStatus?.state, podSandboxStatus?.metadata, podSandboxStatus?.labels],
        [pod.id, state, metadata, labels],
      );
    },
  },
  "have-a-time": {
    title: "events have increasing timestamps",
    rule: "GetContainerEvents: created_at is in nanoseconds; later events of a container do not have earlier timestamps.",
    async run(context) {
      const events = await EventRecorder.open(context);
      const before = BigInt(Date.now() - 2_000) * 1_000_000n;
      const container = await context.start(context.commands.run);
      await container.stop();
      await events.expect(container.id, "stopped");
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
    rule: "GetContainerEvents reports a sandbox under its id: CONTAINER_CREATED_EVENT, then started.",
    async run(context) {
      const events = await EventRecorder.open(context);
      const { id } = await context.pod();
      await events.expect(id, "started");
      assert.deepEqual(events.kinds(id), ["created", "started"]);
    },
  },
  "sandbox-is-started": {
    title: "a sandbox's start is an event, with the sandbox ready",
    rule: "GetContainerEvents: CONTAINER_STARTED_EVENT is sent for a new sandbox, with its pod_sandbox_status.",
    async run(context) {
      const events = await EventRecorder.open(context);
      const { id } = await context.pod();
      const { podSandboxStatus } = await events.expect(id, "started");
      assert.deepEqual([podSandboxStatus?.id, podSandboxStatus?.state], [id, PodSandboxState.SANDBOX_READY]);
    },
  },
  "sandbox-is-stopped": {
    title: "stopping a sandbox emits events for its containers and for itself",
    rule: "StopPodSandbox emits CONTAINER_STOPPED_EVENT for every running container, and for the sandbox.",
    async run(context) {
      const events = await EventRecorder.open(context);
      const pod = await context.pod();
      const container = await pod.start(context.commands.run);
      // Afterwards the container handles SIGTERM. CRI-O would give it until the deadline otherwise.
      await context.runtime.execSync({ containerId: container.id, cmd: [...context.commands.exit(0)] });
      await context.runtime.stopPodSandbox({ podSandboxId: pod.id });
      await events.expect(container.id, "stopped");
      const { podSandboxStatus } = await events.expect(pod.id, "stopped");
      assert.equal(podSandboxStatus?.state, PodSandboxState.SANDBOX_NOTREADY);
    },
  },
  "sandbox-is-deleted": {
    title: "removing a sandbox emits events for its containers and for itself",
    rule: "RemovePodSandbox emits CONTAINER_DELETED_EVENT for every container, and for the sandbox.",
    async run(context) {
      const events = await EventRecorder.open(context);
      const pod = await context.pod();
      const container = await pod.create(context.commands.run);
      // CRI-O gives a container that never ran until the deadline of StopPodSandbox.
      await container.stop();
      await context.runtime.stopPodSandbox({ podSandboxId: pod.id });
      await context.runtime.removePodSandbox({ podSandboxId: pod.id });
      await events.expect(container.id, "deleted");
      await events.expect(pod.id, "deleted");
    },
  },
  "commands-have-none": {
    title: "a command in a container emits no event",
    rule: "GetContainerEvents does not report ExecSync, Exec or a change of resources.",
    async run(context) {
      const events = await EventRecorder.open(context);
      const container = await context.start(context.commands.run);
      const { id } = container;
      await context.runtime.execSync({ containerId: id, cmd: [...context.commands.exit(1)] });
      await container.remove();
      await events.expect(id, "deleted");
      assert.deepEqual(events.kinds(id), ["created", "started", "stopped", "deleted"]);
    },
  },
  "reach-every-subscriber": {
    title: "two subscribers receive the same events",
    rule: "Each GetContainerEvents receives all events, however many subscribers there are.",
    async run(context) {
      const readers = [await EventRecorder.open(context), await EventRecorder.open(context)];
      const container = await context.start(context.commands.run);
      await container.stop();
      for (const events of readers) {
        await events.expect(container.id, "stopped");
        assert.deepEqual(events.kinds(container.id), ["created", "started", "stopped"]);
      }
    },
  },
  "continue-after-a-disconnect": {
    title: "a subscriber that disconnects affects neither the runtime nor later subscribers",
    rule: "The end of one GetContainerEvents stream does not affect another.",
    async run(context) {
      (await EventRecorder.open(context)).close();
      const events = await EventRecorder.open(context);
      const { id } = await context.start(context.commands.run);
      await events.expect(id, "started");
    },
  },
});
