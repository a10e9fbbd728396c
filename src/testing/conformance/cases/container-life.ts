import assert from "node:assert/strict";
import { ContainerState } from "../../../../gen/runtime/v1/api_pb.js";
import { sleep } from "../../../core/index.js";
import { casesOf } from "../case.js";
import type { ConformanceContainer, ConformanceContext } from "../context.js";
import { readLog } from "../log-file.js";
import { rejected } from "../rejection.js";
import { soon } from "../soon.js";

const { CONTAINER_CREATED, CONTAINER_RUNNING, CONTAINER_EXITED } = ContainerState;

/** Waits until a container ignores SIGTERM; a command that prints nothing ignores it from the start. */
async function ignoring(context: ConformanceContext, { logPath }: ConformanceContainer): Promise<void> {
  const ready = async () => (await readLog(logPath)).length > 0;
  await context.eventually("it is ready", ready, 2_000).catch(() => context.signal.throwIfAborted());
}

/** The container's life cycle, from CreateContainer to RemoveContainer. */
export const containerLifeCases = casesOf("container", {
  "create-does-not-start-it": {
    title: "a created container has not started",
    rule: "After CreateContainer, ContainerStatus.state is CONTAINER_CREATED, started_at and finished_at are 0.",
    async run(context) {
      const container = await context.create(context.commands.run);
      const { state, startedAt, finishedAt } = await container.status();
      assert.deepEqual([state, startedAt, finishedAt], [CONTAINER_CREATED, 0n, 0n]);
    },
  },
  "start-makes-it-run": {
    title: "a started container runs",
    rule: "After StartContainer, ContainerStatus.state is CONTAINER_RUNNING, with started_at set and finished_at 0.",
    async run(context) {
      const container = await context.start(context.commands.run);
      const { state, startedAt, finishedAt } = await container.status();
      assert.equal(state, CONTAINER_RUNNING);
      assert.ok(startedAt > 0n);
      assert.equal(finishedAt, 0n);
    },
  },
  "exit-makes-it-exited": {
    title: "a container whose process exits with 0 has the reason Completed",
    rule: "When the process ends, ContainerStatus has CONTAINER_EXITED, finished_at, exit_code 0 and reason Completed.",
    async run(context) {
      const container = await context.start(context.commands.exit(0));
      const { exitCode, reason, startedAt, finishedAt } = await container.exited();
      assert.deepEqual([exitCode, reason], [0, "Completed"]);
      assert.ok(startedAt > 0n && finishedAt > 0n, `${startedAt} ${finishedAt}`);
    },
  },
  "exit-code-is-kept": {
    title: "the exit codes of failed processes are reported, with the reason Error",
    rule: "ContainerStatus.exit_code is the exit code of the process, and reason is Error for any code but 0.",
    async run(context) {
      for (const code of [7, 255]) {
        const container = await context.start(context.commands.exit(code));
        const { exitCode, reason } = await container.exited();
        assert.deepEqual([exitCode, reason], [code, "Error"]);
      }
    },
  },
  "exited-stays-listed": {
    title: "an exited container stays in the list",
    rule: "ListContainers has containers in every state, exited ones as well, until RemoveContainer.",
    async run(context) {
      const container = await context.start(context.commands.exit(0));
      await container.exited();
      const { containers } = await context.runtime.listContainers({ filter: { id: container.id } });
      assert.deepEqual(
        containers.map(({ state }) => state),
        [CONTAINER_EXITED],
      );
    },
  },
  "stop-ends-it-in-its-grace": {
    title: "a container that handles SIGTERM ends before its grace period",
    rule: "StopContainer sends the stop signal, and returns when the process has ended: timeout is only a maximum.",
    async run(context) {
      const container = await context.start(context.commands.tick);
      // Process 1 ignores signals until it has installed a handler.
      await container.log("a tick", (lines) => lines.length > 0);
      const began = performance.now();
      await container.stop(60);
      assert.ok(performance.now() - began < 30_000, "the stop took half of the grace period");
      assert.equal((await container.exited()).state, CONTAINER_EXITED);
    },
  },
  "stop-kills-after-the-grace": {
    title: "a container that ignores SIGTERM is killed after its grace period: code 137",
    rule: "StopContainer kills with SIGKILL after timeout seconds; exit_code is 128 plus the signal: 137.",
    async run(context) {
      const container = await context.start(context.commands.ignoreTerm);
      await ignoring(context, container);
      const began = performance.now();
      await container.stop(1);
      const tookMs = performance.now() - began;
      const { exitCode, reason } = await container.exited();
      assert.deepEqual([exitCode, reason], [137, "Error"]);
      assert.ok(tookMs > 900, `the container was killed after ${Math.round(tookMs)} ms`);
    },
  },
  "stop-without-grace-kills-at-once": {
    title: "a stop with a timeout of 0 kills immediately",
    rule: "StopContainerRequest.timeout 0 kills the container immediately.",
    async run(context) {
      const container = await context.start(context.commands.ignoreTerm);
      const began = performance.now();
      await container.stop(0);
      assert.ok(performance.now() - began < 5_000);
      assert.equal((await container.exited()).exitCode, 137);
    },
  },
  "a-shorter-grace-wins": {
    title: "a second stop with a shorter grace period takes effect",
    rule: "A later StopContainer with a shorter timeout ends a container that an earlier one still waits for.",
    async run(context) {
      const container = await context.start(context.commands.ignoreTerm);
      await ignoring(context, container);
      const patient = context.runtime.stopContainer({ containerId: container.id, timeout: 50n });
      patient.catch(() => undefined);
      await sleep(300, context.signal);
      const began = performance.now();
      await container.stop(1);
      assert.ok(performance.now() - began < 20_000);
      assert.equal((await container.exited()).exitCode, 137);
    },
  },
  "removed-is-not-listed": {
    title: "a removed container is not listed and has no status",
    rule: "After RemoveContainer, ListContainers does not have the container, and ContainerStatus returns NotFound.",
    async run(context) {
      const container = await context.start(context.commands.exit(0));
      await container.exited();
      await context.runtime.removeContainer({ containerId: container.id });
      const { containers } = await context.runtime.listContainers();
      assert.ok(!containers.some(({ id }) => id === container.id));
      await rejected(container.status(), "not_found");
    },
  },
  "remove-ends-a-running-one": {
    title: "a running container can be removed",
    rule: "RemoveContainer of a container in CONTAINER_RUNNING kills and removes it.",
    async run(context) {
      const container = await context.start(context.commands.ignoreTerm);
      await soon((options) => context.runtime.removeContainer({ containerId: container.id }, options));
      await rejected(container.status(), "not_found");
    },
  },
  "remove-accepts-a-created-one": {
    title: "a container that was never started can be removed",
    rule: "RemoveContainer removes a container in CONTAINER_CREATED.",
    async run(context) {
      const container = await context.create(context.commands.run);
      await soon((options) => context.runtime.removeContainer({ containerId: container.id }, options));
      await rejected(container.status(), "not_found");
    },
  },
  "missing-program-never-runs": {
    title: "a missing program fails its container with a reason",
    rule: "CreateContainer or StartContainer fails for a command that cannot be started; the container does not run.",
    async run(context) {
      const program = "/no/such/program";
      const made = await context.create([program]).catch(async (error: unknown) => {
        await rejected(Promise.reject(error));
      });
      if (!made) return;
      const error = await rejected(made.start());
      assert.match(error.rawMessage, /no such|not found|program/i);
      assert.notEqual((await made.status()).state, CONTAINER_RUNNING);
    },
  },
  "failed-start-is-an-exit": {
    title: "a container whose start failed has exited with a code other than 0",
    rule: "After a failed StartContainer, state is CONTAINER_EXITED, and exit_code is not 0.",
    async run(context) {
      const made = await context.create(["/no/such/program"]).catch(() => undefined);
      // If CreateContainer itself fails, there is no container to check.
      if (!made) return;
      await rejected(made.start());
      const { exitCode, reason } = await made.exited();
      assert.notEqual(exitCode, 0);
      assert.notEqual(reason, "Completed");
    },
  },
});

/** The uniqueness of container metadata in a sandbox. */
export const containerNameCases = casesOf("container", {
  "same-name-makes-no-second-one": {
    title: "creating the same name and attempt again creates no second container",
    rule: "Name and attempt of ContainerMetadata are unique in a sandbox: a second CreateContainer creates no container.",
    async run(context) {
      const first = await context.create(context.commands.run);
      const metadata = { name: first.name, attempt: 0 };
      // containerd refuses, and CRI-O returns the existing id.
      await context.create(context.commands.run, { metadata }).catch(() => undefined);
      const filter = { labelSelector: { "io.kubernetes.container.name": first.name } };
      const { containers } = await context.runtime.listContainers({ filter });
      assert.deepEqual(
        containers.map(({ id }) => id),
        [first.id],
      );
    },
  },
  "next-attempt-is-another-one": {
    title: "a container is restarted as the next attempt; the exited one stays",
    rule: "ContainerMetadata.attempt is part of the name: CreateContainer with a higher one creates another container.",
    async run(context) {
      const first = await context.start(context.commands.exit(3));
      await first.exited();
      const metadata = { name: first.name, attempt: 1 };
      const second = await context.start(context.commands.run, { metadata });
      assert.notEqual(second.id, first.id);
      assert.equal((await first.status()).exitCode, 3);
      assert.equal((await second.status()).state, ContainerState.CONTAINER_RUNNING);
    },
  },
  "name-is-free-after-removal": {
    title: "the name of a removed container can be reused and gets another id",
    rule: "RemoveContainer releases the container's metadata; ids are never reused.",
    async run(context) {
      const first = await context.create(context.commands.run);
      await first.remove();
      const second = await context.create(context.commands.run, { metadata: { name: first.name } });
      assert.notEqual(second.id, first.id);
    },
  },
  "same-name-in-two-pods": {
    title: "two pods can have containers with the same name",
    rule: "CreateContainer: ContainerMetadata must be unique in its sandbox only.",
    async run(context) {
      const [one, other] = await Promise.all([context.sharedPod(), context.pod()]);
      const metadata = { name: context.name() };
      const first = await one.create(context.commands.run, { metadata });
      const second = await other.create(context.commands.run, { metadata });
      assert.notEqual(second.id, first.id);
      assert.equal((await second.status()).metadata?.name, metadata.name);
    },
  },
});
