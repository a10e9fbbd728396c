import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ContainerState } from "../../../gen/runtime/v1/api_pb.js";
import type { Cri } from "../../../src/index.js";
import { type PlayPodOptions, type Pod, playPod } from "../../../src/kubernetes/index.js";
import type { PlayerPlan } from "../programs/player-plan.js";
import { startProgram } from "../programs.js";
import { until, within } from "../waiting.js";

/** A node for pods whose player is killed. */
export interface CrashNode {
  readonly cri: Cri;
  readonly endpoint: string;
  readonly image: string;
  /** A folder that exists. */
  readonly rootDir: string;
  readonly node?: PlayPodOptions["node"];
}

const waits = "trap 'exit 0' TERM; while :; do sleep 0.1; done";

/** A Pod with an init container, a sidecar, two containers, hooks and volumes, one of them in memory. */
function manifestOf(name: string, image: string): Pod {
  const container = (containerName: string, text: string) => ({
    name: containerName,
    image,
    command: ["sh", "-c", text],
    volumeMounts: [{ name: "work", mountPath: "/work" }],
  });
  return {
    metadata: { name, namespace: "crash" },
    spec: {
      terminationGracePeriodSeconds: 5,
      volumes: [
        { name: "work", emptyDir: {} },
        { name: "memory", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } },
      ],
      initContainers: [
        container("init", "exit 0"),
        { ...container("sidecar", waits), restartPolicy: "Always" },
      ],
      containers: [
        { ...container("a", waits), lifecycle: { preStop: { exec: { command: ["true"] } } } },
        container("b", waits),
      ],
    },
  };
}

/** Kills the program at every call, or at each nth, several programs at a time. Returns the number of the last call that was made. */
export async function crashAtCalls(
  node: CrashNode,
  moment: PlayerPlan["moment"],
  { every = 1 }: { readonly every?: number } = {},
): Promise<number> {
  let next = 1 - every;
  let last = Number.POSITIVE_INFINITY;
  const take = () => {
    next += every;
    return next;
  };
  const work = async () => {
    for (let call = take(); call < Math.min(last, maxCalls); call = take())
      if (!(await crashOnce(node, call, moment))) last = Math.min(last, call);
  };
  await Promise.all([work(), work(), work(), work()]);
  return last - 1;
}

/** More calls than the program makes, so that a loop without end fails. */
const maxCalls = 60;

/**
 * Kills a program that plays and stops a Pod at one of its calls. A second run must end with a ready pod, in which nothing was created
 * twice, and with nothing on the node after its stop. Returns false when the program made fewer calls.
 */
export async function crashOnce(
  { cri, endpoint, image, rootDir, node }: CrashNode,
  call: number,
  moment: PlayerPlan["moment"],
): Promise<boolean> {
  const what = `killed ${moment} call ${call}`;
  const manifest = manifestOf(`p-${moment}-${call}`, image);
  const options = { rootDir, withoutMounts: "allow", ...(node && { node }) } as const;
  const plan: PlayerPlan = { endpoint, manifest, options, call, moment };
  const child = startProgram("player.ts", [JSON.stringify(plan)]);
  let output = "";
  child.stdout?.on("data", (chunk) => {
    output += chunk;
  });
  const [code, signal] = await within(60_000, once(child, "close"), what).finally(() =>
    child.kill("SIGKILL"),
  );
  assert.ok(code === 0 || signal === "SIGKILL", `${what}: the program ended with ${code ?? signal}`);

  const pod = await playPod(cri, manifest, options);
  const labelSelector = { "io.kubernetes.pod.uid": pod.uid };
  try {
    await pod.wait({ until: "ready", timeoutMs: 30_000 });
    const list = () => cri.lists.containers({ labelSelector }).collect();
    const isRunning = ({ state }: { state: ContainerState }) => state === ContainerState.CONTAINER_RUNNING;
    // Killed during a stop, the runtime may still end a container that was ready a moment ago.
    await until(async () => (await list()).filter(isRunning).length === 3, `${what}: all containers run`);
    const status = pod.status();
    const containers = await list();
    const ready = (await cri.lists.podSandboxes({ labelSelector }).collect()).filter(
      ({ state }) => state === 0,
    );
    assert.equal(ready.length, 1, what);
    assert.deepEqual(
      containers
        .filter(isRunning)
        .map(({ metadata }) => metadata?.name)
        .sort(),
      ["a", "b", "sidecar"],
      what,
    );
    // What was stopped before the crash starts again; otherwise, each container was created once. A runtime may cancel a start whose
    // caller is gone: then the container failed, and another one takes its place.
    const failed = await Promise.all(containers.map(({ id }) => hasFailedToStart(cri, id)));
    const all = containers.filter((_, index) => !failed[index]).map(({ metadata }) => metadata?.name);
    if (output === "") assert.deepEqual(all.sort(), ["a", "b", "init", "sidecar"], what);
    const statuses = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
    assert.ok(
      statuses.every(({ restartCount }) => restartCount <= 1),
      what,
    );
  } finally {
    await within(40_000, pod.stop({ gracePeriodSeconds: 2 }), `${what}: the stop`);
  }
  assert.deepEqual(await cri.lists.podSandboxes({ labelSelector }).collect(), [], `${what}: sandboxes`);
  assert.deepEqual(await cri.lists.containers({ labelSelector }).collect(), [], `${what}: containers`);
  const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
  assert.deepEqual(
    mounts.filter((line) => line.includes(pod.uid)),
    [],
    `${what}: mounts`,
  );
  const files = ["pods", "logs", "played"].flatMap((folder) => readdirSync(join(rootDir, folder)));
  assert.deepEqual(
    files.filter((file) => file.includes(pod.uid)),
    [],
    `${what}: files`,
  );
  return signal === "SIGKILL";
}

async function hasFailedToStart({ runtime }: Cri, containerId: string): Promise<boolean> {
  const { status } = await runtime.containerStatus({ containerId });
  return status?.state === ContainerState.CONTAINER_EXITED && status.exitCode === 128;
}
