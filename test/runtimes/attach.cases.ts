import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { ContainerState } from "../../src/v1.js";
import { containerConfig, eventually, runPod, type Subject } from "./support.js";

/** Cases for attaching to the main process of a container. */
export function attachCases(subject: () => Subject): void {
  for (const transport of ["spdy", "websocket"] as const)
    test(`${transport}: attach receives new output only; detaching does not affect the container`, async () => {
      const { cri } = subject();
      await using pod = await runPod(subject(), `attach-${transport}`);
      const containerId = await pod.container([
        "sh",
        "-c",
        "i=0; while :; do echo tick $((i++)); echo err >&2; sleep 0.1; done",
      ]);
      for (let round = 0; round < 2; round++) {
        const session = await cri.attach(containerId, { transport });
        let out = "";
        let err = "";
        session.stdout?.on("data", (part) => (out += part));
        session.stderr?.on("data", (part) => (err += part));
        await eventually("output arrives", () => /tick \d+\n/.test(out) && err.includes("err\n"));
        await (round === 0 ? session.detach() : session.close());
        assert.equal(await session.ended.catch((error) => error.reason), "client_closed");
      }
      const { status } = await cri.runtime.containerStatus({ containerId });
      assert.equal(status?.state, ContainerState.CONTAINER_RUNNING);
    });

  test("attach with stdin_once: the end of stdin reaches the process, and the output ends with the process", async () => {
    const { cri } = subject();
    await using pod = await runPod(subject(), "attach-once");
    const { podSandboxId, sandboxConfig } = pod;
    const script = "while read line; do echo got $line; done; echo over; exit 9";
    const config = {
      ...containerConfig(subject(), "once", ["sh", "-c", script]),
      stdin: true,
      stdinOnce: true,
    };
    const { containerId } = await cri.runtime.createContainer({ podSandboxId, sandboxConfig, config });
    await cri.runtime.startContainer({ containerId });
    const session = await cri.attach(containerId, { stdin: true });
    let out = "";
    session.stdout?.on("data", (part) => (out += part));
    session.stderr?.resume();
    session.stdin?.write("one\n");
    await eventually("the command read the line", () => out === "got one\n");
    session.stdin?.end("two\n");
    await session.ended;
    assert.equal(out, "got one\ngot two\nover\n");
    await eventually("the container has exited", async () => {
      const { status } = await cri.runtime.containerStatus({ containerId });
      return status?.state === ContainerState.CONTAINER_EXITED && status.exitCode === 9;
    });
  });

  test("attach to a terminal", async () => {
    const { cri } = subject();
    await using pod = await runPod(subject(), "attach-tty");
    const { podSandboxId, sandboxConfig } = pod;
    const config = { ...containerConfig(subject(), "tty", ["sh"]), stdin: true, tty: true };
    const { containerId } = await cri.runtime.createContainer({ podSandboxId, sandboxConfig, config });
    await cri.runtime.startContainer({ containerId });
    await using session = await cri.attach(containerId, {
      stdin: true,
      tty: true,
      size: { columns: 77, rows: 22 },
    });
    let out = "";
    session.stdout?.on("data", (part) => (out += part));
    await pause(200);
    session.stdin?.write("stty size; echo do''ne\n");
    await eventually("the command ran", () => out.includes("done"));
    assert.match(out, /22 77/);
  });
}
