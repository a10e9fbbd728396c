import type { TestContext } from "node:test";
import { type Cri, CriError, connect } from "../../src/index.js";
import { memoryTransport, type RuntimeImplementation } from "../../src/server/index.js";
import { type EmbeddedOptions, EmbeddedRuntime, VirtualClock } from "../../src/testing/index.js";
import { cleanup } from "./cleanup.js";
import { checkLeaks } from "./leaks.js";
import { until, within } from "./waiting.js";

export const image = "docker.io/library/busybox:1.37";

/** Starts an embedded runtime whose usage the test sets, with some handlers replaced. */
export async function node(
  t: TestContext,
  handlers: RuntimeImplementation = {},
  options: EmbeddedOptions = {},
) {
  checkLeaks(t);
  const clock = new VirtualClock();
  const uses: ((usage: { cpuNanos?: bigint; memoryBytes?: bigint }) => void)[] = [];
  const runtime = await EmbeddedRuntime.start({
    programs: {
      run: async ({ reportUsage, clock: own }) => {
        uses.push(reportUsage);
        await own.sleep(3_600_000);
      },
    },
    preload: [image],
    clock,
    ...options,
  });
  cleanup(t, () => within(10_000, runtime.close(), "close()"));
  const transport = memoryTransport({
    runtime: { ...runtime.services.runtime, ...handlers },
    image: runtime.services.image ?? {},
  });
  const cri = connect.through({ transport });
  cleanup(t, () => cri.close());
  return {
    ...{ runtime, cri, clock },
    /** Creates a pod with a running container; its creation time is the latest. */
    async startPod(name: string, labels: Record<string, string> = {}) {
      await clock.advance(1);
      const before = uses.length;
      const ids = await startPod(cri, name, labels);
      await until(() => uses.length > before, "the start of the program");
      return ids;
    },
    /** Sets the usage of every container. */
    use: (usage: { cpuNanos?: bigint; memoryBytes?: bigint }) => {
      for (const use of uses) use(usage);
    },
  };
}

async function startPod(cri: Cri, name: string, labels: Record<string, string>) {
  const config = { metadata: { name, namespace: "test", uid: `uid-of-${name}`, attempt: 0 }, labels };
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config });
  const { containerId } = await cri.runtime.createContainer({
    podSandboxId,
    config: { metadata: { name: "main" }, image: { image }, command: ["run"], labels },
    sandboxConfig: config,
  });
  await cri.runtime.startContainer({ containerId });
  return { podSandboxId, containerId };
}

/** Creates containerd's error for a pod without a cgroup parent. */
export const noCgroup = (id: string) =>
  new CriError({
    code: "unknown",
    reason: "runtime_error",
    rawMessage: `failed to get cgroup metrics for sandbox ${id} because cgroupPath is empty`,
  });
