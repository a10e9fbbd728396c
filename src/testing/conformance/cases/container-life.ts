import assert from "node:assert/strict";
import { ContainerState } from "../../../../gen/runtime/v1/api_pb.js";
import { sleep } from "../../../core/index.js";
import { casesOf } from "../case.js";
import type { ConformanceContainer, ConformanceContext } from "../context.js";
import { readLog } from "../log-file.js";
import { rejected } from "../rejection.js";

const { CONTAINER_CREATED, CONTAINER_RUNNING, CONTAINER_EXITED } = ContainerState;

/** Waits until a container ignores SIGTERM; one that says nothing of it does so from the start. */
async function ignoring(context: ConformanceContext, { logPath }: ConformanceContainer): Promise<void> {
  const ready = async () => (await readLog(logPath)).length > 0;
  await context.eventually("it is ready", ready, 2_000).catch(() => context.signal.throwIfAborted());
}

/** From CreateContainer to RemoveContainer. */
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
    title: "a container whose process ended with 0 has exited, and completed",
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
    rule: "ContainerStatus.exit_code is the code that the process ended with, and reason Error for any but 0.",
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
    title: "a container that heeds SIGTERM ends long before its grace period does",
    rule: "StopContainer sends the stop signal, and returns when the process has ended: timeout is the longest wait.",
    async run(context) {
      const container = await context.start(context.commands.tick);
      // Process 1 hears no signal before it has said what to do with it.
      await container.log("a tick", (lines) => lines.length > 0);
      const began = performance.now();
      await container.stop(60);
      assert.ok(performance.now() - began < 30_000, "it took half of the grace period");
      assert.equal((await container.exited()).state, CONTAINER_EXITED);
    },
  },
  "stop-kills-after-the-grace": {
    title: "a container that ignores SIGTERM is killed when its grace period is over: code 137",
    rule: "StopContainer kills with SIGKILL after timeout seconds; exit_code is 128 plus the signal: 137.",
    async run(context) {
      const container = await context.start(context.commands.ignoreTerm);
      await ignoring(context, container);
      const began = performance.now();
      await container.stop(1);
      const tookMs = performance.now() - began;
      const { exitCode, reason } = await container.exited();
      assert.deepEqual([exitCode, reason], [137, "Error"]);
      assert.ok(tookMs > 900, `it was killed after ${Math.round(tookMs)} ms`);
    },
  },
  "stop-without-grace-kills-at-once": {
    title: "a stop with a timeout of 0 leaves no time",
    rule: "StopContainerRequest.timeout 0 kills the container at once.",
    async run(context) {
      const container = await context.start(context.commands.ignoreTerm);
      const began = performance.now();
      await container.stop(0);
      assert.ok(performance.now() - began < 5_000);
      assert.equal((await container.exited()).exitCode, 137);
    },
  },
  "a-shorter-grace-wins": {
    title: "a second stop with a shorter grace period is honoured",
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
  "remove-takes-it-off-the-list": {
    title: "a removed container is in no list, and has no status",
    rule: "After RemoveContainer, ListContainers does not have the container, and ContainerStatus answers NotFound.",
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
    rule: "RemoveContainer of a container in CONTAINER_RUNNING ends it by force, and removes it.",
    async run(context) {
      const container = await context.start(context.commands.ignoreTerm);
      const began = performance.now();
      await context.runtime.removeContainer({ containerId: container.id });
      assert.ok(performance.now() - began < 10_000, "it was given a grace period");
      await rejected(container.status(), "not_found");
    },
  },
  "remove-takes-a-created-one": {
    title: "a container that was never started can be removed",
    rule: "RemoveContainer removes a container in CONTAINER_CREATED.",
    async run(context) {
      const container = await context.create(context.commands.run);
      await context.runtime.removeContainer({ containerId: container.id });
      await rejected(container.status(), "not_found");
    },
  },
  "missing-program-never-runs": {
    title: "a program that does not exist fails its container, and tells why",
    rule: "CreateContainer or StartContainer fails for a command that cannot be started; the container does not run.",
    async run(context) {
      const program = "/no/such/program";
      const made = await context.create([program]).catch(async (error: unknown) => {
        await rejected(Promise.reject(error));
      });
      if (!made) return;
      const error = await rejected(made.start());
      assert.match(error.text, /no such|not found|program/i);
      assert.notEqual((await made.status()).state, CONTAINER_RUNNING);
    },
  },
  "failed-start-is-an-exit": {
    title: "a container whose start failed has exited with a code other than 0",
    rule: "After a failed StartContainer, state is CONTAINER_EXITED, and exit_code is not 0.",
    async run(context) {
      const made = await context.create(["/no/such/program"]).catch(() => undefined);
      // Where CreateContainer itself fails there is no container to look at.
      if (!made) return;
      await rejected(made.start());
      const { exitCode, reason } = await made.exited();
      assert.notEqual(exitCode, 0);
      assert.notEqual(reason, "Completed");
    },
  },
});
