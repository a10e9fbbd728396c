import assert from "node:assert/strict";
import { ContainerState } from "../../../../gen/runtime/v1/api_pb.js";
import { casesOf } from "../case.js";
import type { ConformanceContext } from "../context.js";
import { rejected } from "../rejection.js";

/** Runs a command in the shared container. */
async function execSync(context: ConformanceContext, cmd: readonly string[]) {
  const { id } = await context.sharedContainer();
  const { stdout, stderr, exitCode } = await context.runtime.execSync({ containerId: id, cmd: [...cmd] });
  return [Buffer.from(stdout).toString(), Buffer.from(stderr).toString(), exitCode];
}

/** ExecSync: a command whose output is returned as a whole. */
export const execSyncCases = casesOf("streaming", {
  "exec-sync-returns-both-outputs": {
    title: "ExecSync returns standard output and standard error separately",
    rule: "ExecSyncResponse.stdout and stderr are what the command wrote to each, byte for byte.",
    async run(context) {
      const command = context.commands.print("to stdout, ünïcödé\n", "to stderr");
      assert.deepEqual(await execSync(context, command), ["to stdout, ünïcödé\n", "to stderr", 0]);
    },
  },
  "exec-sync-returns-the-exit-code": {
    title: "ExecSync succeeds for a command that fails and returns its exit code",
    rule: "ExecSyncResponse.exit_code is the command's; ExecSync itself succeeds for every code.",
    async run(context) {
      const { id } = await context.sharedContainer();
      for (const code of [0, 1, 42, 255]) {
        const cmd = [...context.commands.exit(code)];
        assert.equal((await context.runtime.execSync({ containerId: id, cmd })).exitCode, code);
      }
    },
  },
  "exec-sync-expands-nothing": {
    title: "ExecSync passes arguments unchanged",
    rule: "ExecSyncRequest.cmd is a program and its arguments, without a shell that would expand them.",
    async run(context) {
      const text = "two  words, $HOME, *, 'quotes', \\n";
      assert.deepEqual(await execSync(context, context.commands.print(text)), [text, "", 0]);
    },
  },
  "exec-sync-has-no-input": {
    title: "a command of ExecSync has an empty input",
    rule: "ExecSync provides no standard input.",
    async run(context) {
      assert.deepEqual(await execSync(context, context.commands.cat), ["", "", 0]);
    },
  },
  "exec-sync-has-the-environment": {
    title: "a command of ExecSync has the environment of its container",
    rule: "ExecSync runs the command with ContainerConfig.envs.",
    async run(context) {
      const command = context.commands.env("CONFORMANCE_SHARED");
      assert.deepEqual(await execSync(context, command), ["a value\n", "", 0]);
    },
  },
  "exec-sync-starts-in-the-directory": {
    title: "a command of ExecSync starts in the directory of its container",
    rule: "ExecSync runs the command in ContainerConfig.working_dir.",
    async run(context) {
      assert.deepEqual(await execSync(context, context.commands.pwd), ["/tmp\n", "", 0]);
    },
  },
  "exec-sync-of-no-program-fails": {
    title: "ExecSync of a missing program fails, and the container keeps running",
    rule: "ExecSync fails for a command that cannot be started.",
    async run(context) {
      const container = await context.sharedContainer();
      const cmd = ["/no/such/program"];
      await rejected(context.runtime.execSync({ containerId: container.id, cmd }));
      assert.equal((await container.status()).state, ContainerState.CONTAINER_RUNNING);
    },
  },
  "exec-sync-ends-at-its-timeout": {
    title: "ExecSync ends a command at its timeout",
    rule: "After ExecSyncRequest.timeout seconds the command is killed, and ExecSync fails or returns exit_code -1.",
    async run(context) {
      const container = await context.sharedContainer();
      const began = performance.now();
      const request = { containerId: container.id, cmd: [...context.commands.sleep(30)], timeout: 1n };
      const code = await context.runtime.execSync(request).then(
        ({ exitCode }) => exitCode,
        async (error: unknown) => (await rejected(Promise.reject(error), "deadline_exceeded")).code,
      );
      assert.ok(code === "deadline_exceeded" || code === -1, `the result is ${code}`);
      const tookMs = performance.now() - began;
      assert.ok(tookMs > 900 && tookMs < 15_000, `${tookMs} ms`);
      assert.equal((await container.status()).state, ContainerState.CONTAINER_RUNNING);
    },
  },
  "exec-sync-within-its-timeout": {
    title: "a timeout does not affect a command that ends earlier",
    rule: "ExecSyncRequest.timeout is a maximum: ExecSync returns as soon as the command has ended.",
    async run(context) {
      const { id } = await context.sharedContainer();
      const began = performance.now();
      const cmd = [...context.commands.print("done")];
      const { stdout, exitCode } = await context.runtime.execSync({ containerId: id, cmd, timeout: 30n });
      assert.deepEqual([Buffer.from(stdout).toString(), exitCode], ["done", 0]);
      assert.ok(performance.now() - began < 15_000);
    },
  },
});
