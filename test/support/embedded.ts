import type { TestContext } from "node:test";
import { type Cri, connect } from "../../src/index.js";
import { type EmbeddedOptions, EmbeddedRuntime } from "../../src/testing/index.js";
import { cleanup } from "./cleanup.js";
import { checkLeaks } from "./leaks.js";
import { programs } from "./scripted-programs.js";
import { within } from "./waiting.js";

export const busybox = "docker.io/library/busybox:1.37";

/** Starts a runtime with scripted programs, and connects a client; closes both after the test. */
export async function scripted(t: TestContext, options: EmbeddedOptions = {}, normalize = true) {
  checkLeaks(t);
  const runtime = await EmbeddedRuntime.start({ programs, preload: [busybox], ...options });
  cleanup(t, () => within(10_000, runtime.close(), "close()"));
  const cri = runtime.endpoint
    ? await connect(runtime.endpoint, { normalize })
    : connect.through({ transport: runtime.transport, normalize });
  cleanup(t, () => cri.close());
  return { runtime, cri };
}

export const sandboxConfig = (name: string) => ({
  metadata: { name, namespace: "test", uid: `uid-of-${name}`, attempt: 0 },
});

/** Creates a pod with a container, and starts the container. */
export async function start(cri: Cri, command: readonly string[], name = "a") {
  const config = sandboxConfig(name);
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config });
  const { containerId } = await cri.runtime.createContainer({
    podSandboxId,
    config: { metadata: { name: "c", attempt: 0 }, image: { image: busybox }, command: [...command] },
    sandboxConfig: config,
  });
  await cri.runtime.startContainer({ containerId });
  return { podSandboxId, containerId, config };
}
