// The calls of a kubelet whose pods do not change, and what they cost the runtime's process.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type ContainerConfig,
  type ContainerConfigSchema,
  ContainerState,
  PodSandboxState,
} from "../../gen/runtime/v1/api_pb.js";
import { readProcStat } from "../../src/core/index.js";
import { type Cri, connect } from "../../src/index.js";
import { checkout } from "./checkout.js";
import { cleanup } from "./cleanup.js";
import { busybox } from "./embedded.js";
import { tempFolder } from "./temp.js";
import { within } from "./waiting.js";

/** Clock ticks per second, in which /proc counts CPU time; 100 on every system that Node supports. */
const ticksPerSecond = 100;

/** What the runtime's process used. */
export interface RestingCost {
  readonly cpuMsPerSecond: number;
  readonly residentMiB: number;
}

/** Starts the program of `npm run embedded` as the script does, without npm, whose process would only wait. */
export async function startEmbeddedCommand(
  t: TestContext,
  nodeOptions: readonly string[] = [],
): Promise<{ readonly endpoint: string; readonly process: ChildProcess; readonly folder: string }> {
  const folder = await tempFolder(t);
  const args = ["--socket", join(folder, "cri.sock"), "--state-dir", join(folder, "state")];
  const { scripts } = JSON.parse(await readFile(join(checkout, "package.json"), "utf8"));
  const [, command = ""] = / exec node (.*)/.exec(scripts.embedded) ?? [];
  const asRoot = process.getuid?.() === 0 ? ["--allow-root"] : [];
  const program = [...command.split(" "), ...args, "--preload", busybox, ...asRoot];
  const child = spawn(process.execPath, [...nodeOptions, ...program], {
    cwd: checkout,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const ended = once(child, "exit");
  cleanup(t, async () => {
    child.kill("SIGTERM");
    await within(30_000, ended, "the end of the embedded runtime");
  });
  const lines = createInterface({ input: child.stdout });
  const [endpoint] = await within(60_000, once(lines, "line"), "the endpoint");
  return { endpoint: String(endpoint), process: child, folder };
}

/** Runs pods of one sleeping container, with the labels and annotations that kubelets set. */
export async function runSleepingPods(cri: Cri, count: number, folder: string): Promise<void> {
  const run = async (n: number) => {
    const name = `static-web-${n}-node`;
    const uid = `0f3c${String(n).padStart(28, "0")}`;
    const kubelet = {
      "io.kubernetes.pod.name": name,
      "io.kubernetes.pod.namespace": "default",
      "io.kubernetes.pod.uid": uid,
    };
    const logDirectory = join(folder, "logs", `default_${name}_${uid}`);
    const sandboxConfig = {
      metadata: { name, namespace: "default", uid, attempt: 0 },
      hostname: name,
      logDirectory,
      labels: { app: "web", tier: "static", ...kubelet },
      annotations: {
        "kubernetes.io/config.hash": uid,
        "kubernetes.io/config.seen": "2026-11-30T09:00:00.000000000Z",
        "kubernetes.io/config.source": "file",
      },
      linux: { cgroupParent: `/kubepods/besteffort/pod${uid}`, securityContext: { namespaceOptions: {} } },
    };
    const { podSandboxId } = await cri.runtime.runPodSandbox({ config: sandboxConfig });
    const config: Exclude<MessageInitShape<typeof ContainerConfigSchema>, ContainerConfig> = {
      metadata: { name: "main", attempt: 0 },
      image: { image: busybox, userSpecifiedImage: busybox },
      command: ["sleep", "86400"],
      envs: Array.from({ length: 7 }, (_, index) => ({
        key: `KUBERNETES_SERVICE_${index}`,
        value: new TextEncoder().encode("10.0.0.1"),
      })),
      logPath: "main/0.log",
      labels: { "io.kubernetes.container.name": "main", ...kubelet },
      annotations: {
        "io.kubernetes.container.hash": "7b1c2d3e",
        "io.kubernetes.container.restartCount": "0",
        "io.kubernetes.container.terminationMessagePath": "/dev/termination-log",
        "io.kubernetes.container.terminationMessagePolicy": "File",
        "io.kubernetes.pod.terminationGracePeriod": "30",
      },
      linux: { resources: { cpuShares: 2n, oomScoreAdj: 1_000n } },
    };
    const { containerId } = await cri.runtime.createContainer({ podSandboxId, config, sandboxConfig });
    await cri.runtime.startContainer({ containerId });
  };
  for (let n = 0; n < count; n += 10)
    await Promise.all(Array.from({ length: Math.min(10, count - n) }, (_, index) => run(n + index)));
}

/** Makes the calls that a kubelet without work makes, until the signal fires. Rejects with the first failure. */
export async function callAsKubelet(
  { runtime, image }: Cri,
  signal: AbortSignal,
  { statsMs = 10_000 } = {},
): Promise<void> {
  const failures = new AbortController();
  const stop = AbortSignal.any([signal, failures.signal]);
  let next = 0;
  const syncOnePod = async () => {
    const { items } = await runtime.listPodSandbox({});
    const podSandboxId = items[next++ % items.length]?.id ?? "";
    await runtime.podSandboxStatus({ podSandboxId });
    const { containers } = await runtime.listContainers({ filter: { podSandboxId } });
    for (const { id } of containers) await runtime.containerStatus({ containerId: id });
  };
  const summarize = async () => {
    await runtime.listContainers({});
    await runtime.listPodSandbox({});
    await runtime.listContainerStats({});
    await image.imageFsInfo({});
  };
  const rows: readonly (readonly [ms: number, call: () => Promise<unknown>])[] = [
    // The pod lifecycle event generator.
    [1_000, () => Promise.all([runtime.listPodSandbox({}), runtime.listContainers({})])],
    // The cache of running pods, for housekeeping.
    [2_000, () => runtime.listPodSandbox({ filter: { state: { state: PodSandboxState.SANDBOX_READY } } })],
    [2_000, () => runtime.listContainers({ filter: { state: { state: ContainerState.CONTAINER_RUNNING } } })],
    // Each of 100 pods is inspected once a minute.
    [600, syncOnePod],
    [5_000, () => runtime.status({})],
    [10_000, () => runtime.version({})],
    [30_000, () => image.listImages({})],
    // The eviction manager's summary.
    [statsMs, summarize],
  ];
  const repeat = async ([ms, call]: (typeof rows)[number]) => {
    try {
      for (;;) {
        await sleep(ms, undefined, { signal: stop });
        await call();
      }
    } catch (error) {
      if (!stop.aborted) failures.abort(error);
    }
  };
  await Promise.all(rows.map(repeat));
  if (failures.signal.aborted) throw failures.signal.reason;
}

/** Measures a process for some seconds. Its CPU time does not depend on other processes. */
export async function measureCost(pid: number, seconds: number): Promise<RestingCost> {
  const began = performance.now();
  const before = cpuTicks(pid);
  await sleep(seconds * 1_000);
  const ticks = cpuTicks(pid) - before;
  const passed = (performance.now() - began) / 1_000;
  const [, kilobytes] = /^VmRSS:\s*(\d+)/m.exec(await readFile(`/proc/${pid}/status`, "latin1")) ?? [];
  return {
    cpuMsPerSecond: ((ticks / ticksPerSecond) * 1_000) / passed,
    residentMiB: Number(kilobytes) / 1_024,
  };
}

function cpuTicks(pid: number): number {
  const stat = readProcStat(pid);
  return stat ? Number(stat.userTicks + stat.systemTicks) : Number.NaN;
}

/** Connects to the command, as the kubelet that it serves. */
export function connectTo(t: TestContext, endpoint: string): Promise<Cri> {
  return connect({ endpoint }).then((cri) => {
    cleanup(t, () => cri.close());
    return cri;
  });
}
