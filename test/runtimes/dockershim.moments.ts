// The worst moments for an end of the shim or its engine, which random ones rarely meet.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { copyFile, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { DockerRuntime } from "../../scripts/runtimes/index.js";
import { findProcesses } from "../../scripts/runtimes/traces.js";
import { ContainerState, PodSandboxState } from "../../src/v1.js";
import { failure } from "../support/failure.js";
import { freePort } from "../support/free-port.js";
import { until } from "../support/waiting.js";
import { persist, startContainer } from "./dockershim.calls.js";
import { checkNumbers, differenceFromEngine, recordsOf, writerScript } from "./dockershim.logs.js";
import { withEngine } from "./dockershim.traces.js";
import { containerConfig, podConfig, runPod, type Subject } from "./support.js";

/**
 * Ends the shim or the engine while a pod runs and has no network yet. The pod must not be ready, neither before nor after,
 * and must leave nothing behind.
 */
export async function endWhileAttaching(
  subject: Subject,
  runtime: DockerRuntime,
  who: "shim" | "engine",
): Promise<void> {
  const { cri } = subject;
  const base = podConfig(subject, `half-done-${who}`);
  const config = { ...base, portMappings: [{ containerPort: 80, hostPort: await freePort() }] };
  const label = `test=${base.labels.test}`;
  /** The pause container, which the shim does not show before RunPodSandbox returns. */
  const find = () =>
    withEngine(runtime, async (engine) => {
      const query = { all: true, filters: JSON.stringify({ label: [label] }) };
      const [found] = await engine.call<{ Id: string; State: string }[]>("GET", "/containers/json", {
        query,
      });
      return { id: found?.Id ?? "", isAlive: found?.State === "running" };
    });
  const isReady = async () => {
    const filter = { labelSelector: { test: base.labels.test } };
    const { items } = await persist(() => cri.runtime.listPodSandbox({ filter }));
    return items.some(({ state }) => state === PodSandboxState.SANDBOX_READY);
  };

  const plugin = await holdPlugin(runtime);
  const call = failure(cri.runtime.runPodSandbox({ config }));
  try {
    await plugin.waits();
    assert.deepEqual([await isReady(), (await find()).isAlive], [false, true]);
    if (who === "shim") {
      await runtime.kill();
      await runtime.start();
      // Now the plugin of the killed shim would go on.
      await plugin.release();
      await pause(1_000);
    } else {
      await runtime.engine.kill();
      // The shim notices that when the pod has its network.
      await plugin.release();
      await call;
    }
  } finally {
    await plugin.release();
    await runtime.engine.start({ liveRestore: true });
  }
  assert.equal((await call).code, "unavailable");

  const { id: podSandboxId, isAlive } = await find();
  assert.deepEqual([await isReady(), isAlive], [false, who === "engine"]);
  const request = { podSandboxId, config: containerConfig(subject, "a", ["true"]), sandboxConfig: base };
  await failure(cri.runtime.createContainer(request), "wrong_state");
  await cri.runtime.removePodSandbox({ podSandboxId });
}

/** Kills the shim while the engine has not answered its call, which it completes when the next shim has looked for containers. */
export async function answerLate(subject: Subject, runtime: DockerRuntime): Promise<string> {
  const { cri } = subject;
  await using pod = await runPod(subject, "late");
  const containerId = await pod.container(["sh", "-c", writerScript(200, 7)], false);
  const [containerd] = findProcesses(subject.running.dir).filter(({ command }) =>
    command.includes("/containerd --config "),
  );
  assert.ok(containerd);
  process.kill(containerd.pid, "SIGSTOP");
  let starting: Promise<void>;
  try {
    const call = failure(cri.runtime.startContainer({ containerId }), "connection_lost");
    await pause(500);
    await runtime.kill();
    starting = runtime.start();
    await call;
    await pause(2_000);
  } finally {
    process.kill(containerd.pid, "SIGCONT");
  }
  await starting;
  const isExited = async () => {
    const { status } = await cri.runtime.containerStatus({ containerId });
    return status?.state === ContainerState.CONTAINER_EXITED;
  };
  const hasStarted = await startContainer(cri.runtime, containerId);
  await until(isExited, "the exit");
  const { status } = await cri.runtime.containerStatus({ containerId });
  if (!hasStarted) return `the engine has given up the start: ${status?.message}`;
  assert.equal(status?.exitCode, 7);
  const logPath = `${pod.sandboxConfig.logDirectory}/c0/0.log`;
  assert.deepEqual(await differenceFromEngine(runtime, containerId, logPath), []);
  assert.deepEqual(checkNumbers(await recordsOf(logPath), 200), { doubled: [], missing: [] });
  return "the engine has completed the start";
}

/** Removes a pod through the engine while the shim is down, which then must free the network. */
export async function removeThroughEngine(subject: Subject, runtime: DockerRuntime): Promise<void> {
  const { cri } = subject;
  const base = podConfig(subject, "removed");
  const config = { ...base, portMappings: [{ containerPort: 80, hostPort: await freePort() }] };
  const { podSandboxId: id } = await cri.runtime.runPodSandbox({ config });
  await runtime.kill();
  await withEngine(runtime, (engine) =>
    engine.call("DELETE", `/containers/${id}`, { query: { force: true } }),
  );
  await runtime.start();
  await failure(
    persist(() => cri.runtime.podSandboxStatus({ podSandboxId: id })),
    "object_missing",
  );
}

/** Makes the plugin that forwards ports wait while it attaches a pod. */
async function holdPlugin({ socketPath }: DockerRuntime) {
  const iptables = join(socketPath, "../bin/iptables");
  const original = `${iptables}.original`;
  const waiting = `${iptables}.waiting`;
  const released = `${iptables}.released`;
  const script = `#!/bin/sh
if [ "$CNI_COMMAND" = ADD ]; then
  : > '${waiting}'
  while [ ! -e '${released}' ]; do sleep 0.05; done
fi
exec '${original}' "$@"
`;
  /** A shell reads its script while it runs: the file must not change. */
  const replace = async (content: string) => {
    await writeFile(`${iptables}.next`, content, { mode: 0o755 });
    await rename(`${iptables}.next`, iptables);
  };
  await Promise.all([waiting, released].map((file) => rm(file, { force: true })));
  await copyFile(iptables, original);
  await replace(script);
  return {
    waits: () => until(() => existsSync(waiting), "the plugin runs iptables"),
    async release() {
      await replace(await readFile(original, "utf8"));
      await writeFile(released, "");
    },
  };
}
