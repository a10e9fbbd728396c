// Pods on the runtime behind a proxy with faults. Opt-in: CRI_SDK_CHAOS=1.
import { test } from "node:test";
import { shellCommands } from "../../src/testing/conformance/commands.js";
import { createTransport } from "../../src/transport/index.js";
import { checkPodsUnderChaos } from "../support/chaos/pods.js";
import { cleanup } from "../support/cleanup.js";
import type { Subject } from "./support.js";

/** Cases that take about two minutes each, and whose faults depend on the seed. */
export function chaosCases(subject: () => Subject): void {
  test("pods on the runtime behind a proxy with faults: no result is wrong, and nothing is left", {
    skip: process.env.CRI_SDK_CHAOS ? false : "set CRI_SDK_CHAOS=1",
    timeout: 600_000,
  }, async (t) => {
    const { cri, runtime, running } = subject();
    const node = async () => {
      const transport = createTransport(runtime.endpoint);
      cleanup(t, () => transport.close());
      return { cri, transport, image: running.images.busybox, commands: shellCommands, timeoutMs: 30_000 };
    };
    await checkPodsUnderChaos(t, { lanes: 4, pods: 8 }, node);
  });
}
