import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Programs, RuntimeLike } from "../../../src/testing/index.js";
import { busybox, sandboxConfig, scripted } from "../../support/embedded.js";
import { until, within } from "../../support/waiting.js";

/** Attaches to a container that collects its input. */
async function attached(t: TestContext, like: RuntimeLike | undefined, tty: boolean) {
  const received = { text: "" };
  const programs: Programs = {
    async collect({ stdin }) {
      for await (const chunk of stdin) received.text += chunk;
    },
  };
  const { cri } = await scripted(t, { like, programs });
  const config = sandboxConfig("a");
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config });
  const { containerId } = await cri.runtime.createContainer({
    podSandboxId,
    config: {
      ...{ metadata: { name: "c", attempt: 0 }, image: { image: busybox }, command: ["collect"] },
      ...{ stdin: true, tty },
    },
    sandboxConfig: config,
  });
  await cri.runtime.startContainer({ containerId });
  const session = await cri.attach(containerId, { stdin: true, tty });
  session.stdin?.on("error", () => undefined);
  return { cri, containerId, session, received };
}

for (const like of [undefined, "cri-o"] as const)
  test(`${like ?? "by default"}, Ctrl-P Ctrl-Q on a terminal ends the session, and the container keeps running`, async (t) => {
    const { cri, containerId, session, received } = await attached(t, like, true);
    session.stdin?.write("a\x10b\x10");
    await until(() => received.text === "a\x10b", "the incomplete sequence is passed on");
    session.stdin?.write("\x11");
    await within(
      10_000,
      session.ended.catch(() => undefined),
      "the end of the session",
    );
    assert.equal(received.text, "a\x10b");
    const again = await cri.attach(containerId, { stdin: true, tty: true });
    again.stdin?.write("still here");
    await until(() => received.text === "a\x10bstill here", "the container reads on");
    await again.close();
  });

for (const [like, tty] of [
  ["containerd-1.7", true],
  ["containerd-2.1", true],
  [undefined, false],
] as const)
  test(`${like ?? "without a terminal"}: Ctrl-P Ctrl-Q is input like any other`, async (t) => {
    const { session, received } = await attached(t, like, tty);
    session.stdin?.write("\x10\x11end");
    await until(() => received.text === "\x10\x11end", "all bytes are received");
    await session.close();
  });
