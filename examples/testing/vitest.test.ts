// Tests with vitest, a runtime in memory and a virtual clock. Run them with: npx vitest run --root examples/testing
import { connect } from "cri-sdk";
import { EmbeddedRuntime, fixtures, VirtualClock } from "cri-sdk/testing";
import { ContainerState } from "cri-sdk/v1";
import { afterEach, beforeEach, expect, test } from "vitest";

let clock: VirtualClock;
let runtime: EmbeddedRuntime;

beforeEach(async () => {
  clock = new VirtualClock();
  runtime = await EmbeddedRuntime.start({
    clock,
    programs: {
      job: async ({ clock, stdout }) => {
        await clock.sleep(60_000);
        stdout.write("done\n");
        return 4;
      },
    },
    preload: ["docker.io/library/busybox:1.37"],
  });
});

afterEach(async () => {
  await runtime.close();
  runtime.faults.assertNoPendingFaults();
});

test("a job takes a minute and exits with 4", async () => {
  const { runtime: cri } = connect.through(runtime);
  const sandboxConfig = fixtures.sandboxConfig({ logDirectory: "" });
  const { podSandboxId } = await cri.runPodSandbox({ config: sandboxConfig });
  const config = fixtures.containerConfig({ command: ["job"] });
  const { containerId } = await cri.createContainer({ podSandboxId, config, sandboxConfig });
  await cri.startContainer({ containerId });

  await clock.whenSleeping(1);
  await clock.advance(59_000);
  const early = await cri.containerStatus({ containerId });
  expect(early.status?.state).toBe(ContainerState.CONTAINER_RUNNING);

  await clock.advance(1_000);
  const { status } = await cri.containerStatus({ containerId });
  expect(status).toMatchObject({ state: ContainerState.CONTAINER_EXITED, exitCode: 4, reason: "Error" });
  expect(runtime.calls.of("containerStatus")).toHaveLength(2);
});
