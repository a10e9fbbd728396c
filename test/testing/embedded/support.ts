import type { TestContext } from "node:test";
import { type Cri, type CriError, connect, isCriError } from "../../../src/index.js";
import { type EmbeddedOptions, EmbeddedRuntime } from "../../../src/testing/index.js";
import { cleanup } from "../../support/cleanup.js";
import { checkLeaks } from "../../support/leaks.js";
import { within } from "../../support/waiting.js";
import { programs } from "./programs.js";

export const busybox = "docker.io/library/busybox:1.37";

/** A runtime with scripted programs, and a client of it; both are gone after the test. */
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

/** Creates a pod and a container in it, and starts it. */
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

/** What a call failed with. */
export async function failure(call: Promise<unknown>): Promise<CriError> {
  const error: unknown = await within(5_000, call, "the call").then(
    () => new Error("the call did not fail"),
    (thrown: unknown) => thrown,
  );
  if (isCriError(error)) return error;
  throw error;
}
