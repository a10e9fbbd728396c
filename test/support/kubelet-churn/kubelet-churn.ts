// A node whose Pods come, change and go while its kubelet is killed, its API server is cut off and its runtime is restarted.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { ContainerState, PodSandboxState } from "../../../gen/runtime/v1/api_pb.js";
import type { Cri } from "../../../src/index.js";
import {
  type JsonObject,
  type Replicas,
  type StoredPod,
  startNodeTaints,
  startReplicas,
  startScheduler,
  startTestCluster,
  type TestCluster,
} from "../api-server/index.js";
import { cleanup } from "../cleanup.js";
import { KubeletProgram } from "../kubelet-program.js";
import type { KubeletPlan } from "../programs/kubelet-plan.js";
import { SeededRandom } from "../random.js";
import { until } from "../waiting.js";
import { ContainerHistory } from "./container-history.js";
import { StatusHistory } from "./status-history.js";

/** A runtime that no other kubelet uses. */
export interface ChurnNode {
  readonly cri: Cri;
  readonly endpoint: string;
  readonly image: string;
  /** A folder that exists. */
  readonly rootDir: string;
  readonly options?: Partial<KubeletPlan["options"]>;
  /** The folder of the cgroups of all pods, in any hierarchy; undefined without cgroups. */
  readonly cgroupFolders?: readonly string[];
  /** Kills the runtime, starts it again, and resolves when it answers. */
  readonly restartRuntime: () => Promise<void>;
}

/** How large the test is. */
export interface ChurnPlan {
  readonly pods: number;
  readonly cutOffMs: number;
  readonly how: "reset" | "hang";
}

const nodeName = "node-1";
const settleMs = 240_000;

type Disturbance = "kill" | "restart";

/**
 * Creates, updates, scales and deletes a set of Pods, while the kubelet is killed ten times, the API server is cut off, and the runtime is
 * restarted three times. At the end, the node and the API server agree; no container was restarted, no status went backwards, and nothing
 * is left.
 */
export async function checkKubeletChurn(t: TestContext, node: ChurnNode, plan: ChurnPlan): Promise<void> {
  const random = new SeededRandom();
  t.diagnostic(`CRI_SDK_TEST_SEED=${random.seed}`);
  const cluster = await startTestCluster(t, { nodeAuthorizer: true });
  const controllers = [startNodeTaints(cluster), startScheduler(cluster)];
  cleanup(t, () => controllers.forEach((one) => void one.stop()));
  cluster.create({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "settings", namespace: "default" },
    data: { color: "blue" },
  });
  const statuses = new StatusHistory(cluster);
  cleanup(t, () => statuses.stop());
  const mayEnd = (uid: string) => {
    const pod = cluster.list("pods").find(({ metadata }) => metadata.uid === uid);
    return pod === undefined || Boolean(pod.metadata.deletionTimestamp);
  };
  const containers = new ContainerHistory(node.cri, mayEnd);
  cleanup(t, () => containers.stop());
  const kubelets = await KubeletSeries.create(t, node, cluster);
  const others = new Set([...(await idsIn(node.cri)), ...(node.cgroupFolders ?? []).flatMap(filesIn)]);
  const run = new ChurnRun(t, { node, cluster, kubelets, random, statuses, others });

  kubelets.start();
  const replicas = startReplicas(cluster, "web", plan.pods, templateOf(node, 1), { maxUnavailable: 8 });
  cleanup(t, () => replicas.stop());
  await run.phase("created", ["kill", "kill"], () => replicas.isDone());
  replicas.update({ template: templateOf(node, 2) });
  await run.phase("updated", ["kill", "restart", "kill", "kill"], () => replicas.isDone());

  cluster.server.cutOff({ how: plan.how });
  const end = performance.now() + plan.cutOffMs;
  // Changes of the cluster that the node hears of later.
  replicas.update({ count: Math.ceil(plan.pods / 3) });
  await run.disturb(["kill", "restart", "kill"]);
  replicas.update({ template: templateOf(node, 3) });
  await pause(Math.max(0, end - performance.now()));
  cluster.server.reconnect();
  await run.phase("scaled and updated after the cut", ["kill"], () => replicas.isDone());
  await run.checkAgreement(replicas);
  replicas.update({ count: plan.pods });
  await run.phase("scaled up", [], () => replicas.isDone());
  await run.checkAgreement(replicas);

  replicas.update({ count: 0 });
  await run.phase(
    "deleted",
    ["kill", "restart", "kill"],
    () => cluster.list("pods").length === 0 && replicas.isDone(),
  );
  await checkNothingIsLeft(node, others);
  await kubelets.stop();
  await containers.stop();
  statuses.stop();

  assert.deepEqual(kubelets.problems, []);
  assert.equal(kubelets.kills, 10);
  assert.deepEqual(statuses.problems, []);
  assert.deepEqual(containers.problems, []);
  // A runtime may cancel the start of a container whose caller was killed. Nothing else is a reason for a restart here.
  const unexplained = statuses.restarts.filter(
    ({ to }) =>
      to.lastState?.terminated?.exitCode !== 128 && to.lastState?.terminated?.reason !== "StartError",
  );
  assert.deepEqual(unexplained, []);
  const patches = cluster.requests({
    verb: "patch",
    resource: "pods/status",
    user: `system:node:${nodeName}`,
  });
  const codes = new Set(patches.map(({ code }) => code));
  // 404: a Pod that was deleted while its patch was on the way. undefined: the answer was cut off.
  for (const code of codes)
    assert.ok([200, 404, undefined].includes(code), `a status patch was answered ${code}`);
  t.diagnostic(
    `${containers.count} containers, ${statuses.versions} versions of pods, ${patches.length} status patches, ${statuses.restarts.length} starts were repeated`,
  );
}

/** A Pod with a token, settings, and a volume in memory. */
function templateOf({ image }: ChurnNode, version: number): JsonObject {
  return {
    terminationGracePeriodSeconds: 2,
    volumes: [{ name: "memory", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } }],
    containers: [
      {
        name: "main",
        image,
        command: ["sh", "-c", "trap 'exit 0' TERM; sleep 86400 & wait"],
        env: [{ name: "VERSION", value: String(version) }],
        envFrom: [{ configMapRef: { name: "settings" } }],
        volumeMounts: [{ name: "memory", mountPath: "/memory" }],
      },
    ],
  };
}

/** The kubelets of a node, one after the other. */
class KubeletSeries {
  readonly problems: string[] = [];
  kills = 0;
  readonly #plan: KubeletPlan;
  #current: KubeletProgram | undefined;

  private constructor(plan: KubeletPlan) {
    this.#plan = plan;
  }

  static async create(t: TestContext, node: ChurnNode, cluster: TestCluster): Promise<KubeletSeries> {
    const { endpoint, rootDir, options } = node;
    await mkdir(rootDir, { recursive: true });
    const kubeconfigFile = join(rootDir, "kubeconfig.json");
    await writeFile(kubeconfigFile, JSON.stringify(await cluster.nodeConfig(nodeName)));
    const series = new KubeletSeries({
      endpoint,
      kubeconfigFile,
      options: {
        rootDir: join(rootDir, "kubelet"),
        nodeName,
        eviction: false,
        imageGarbageCollection: false,
        ...options,
      },
    });
    cleanup(t, () => series.#current?.kill());
    return series;
  }

  start(): void {
    this.#current = new KubeletProgram(this.#plan);
  }

  /** Kills the kubelet, and starts another one. */
  async kill(): Promise<void> {
    if (!this.#current?.isRunning) this.problems.push("a kubelet ended by itself");
    await this.#current?.kill();
    this.kills++;
    this.start();
  }

  async stop(): Promise<void> {
    await this.#current?.stop();
  }
}

/** What the phases of a test share. */
interface ChurnParts {
  readonly node: ChurnNode;
  readonly cluster: TestCluster;
  readonly kubelets: KubeletSeries;
  readonly random: SeededRandom;
  readonly statuses: StatusHistory;
  /** What other tests have left: the ids in the runtime, and the names of cgroups. */
  readonly others: ReadonlySet<string>;
}

/** The phases of a test. */
class ChurnRun {
  readonly #t: TestContext;
  readonly #parts: ChurnParts;

  constructor(t: TestContext, parts: ChurnParts) {
    this.#t = t;
    this.#parts = parts;
  }

  /** Disturbs the node, then waits until something holds. */
  async phase(what: string, disturbances: readonly Disturbance[], holds: () => boolean): Promise<void> {
    const began = performance.now();
    await this.disturb(disturbances);
    await until(holds, what, settleMs).catch((error: Error) => {
      const pods = this.#parts.cluster.list("pods").map((pod) => this.#textOf(pod as unknown as StoredPod));
      throw new Error(`${error.message}\n${pods.join("\n")}`);
    });
    this.#t.diagnostic(`${what} after ${((performance.now() - began) / 1_000).toFixed(1)} s`);
  }

  /** At random moments: some in the first second of a kubelet, when it looks at what there is. */
  async disturb(disturbances: readonly Disturbance[]): Promise<void> {
    const { node, kubelets, random } = this.#parts;
    for (const disturbance of disturbances) {
      await pause(random.of(500, 1_500, 3_000, 5_000) + random.below(1_000));
      if (disturbance === "kill") await kubelets.kill();
      else await node.restartRuntime();
    }
  }

  /** The statuses at the API server are what the runtime has, and it has nothing else. */
  async checkAgreement(replicas: Replicas): Promise<void> {
    const { node, cluster, others } = this.#parts;
    const { runtime } = node.cri;
    const { items } = await runtime.listPodSandbox({});
    const { containers } = await runtime.listContainers({});
    const running = containers.filter(
      ({ id, state }) => state === ContainerState.CONTAINER_RUNNING && !others.has(id),
    );
    const ready = items.filter(({ id, state }) => state === PodSandboxState.SANDBOX_READY && !others.has(id));
    const reported = cluster.list("pods").map((pod) => pod as unknown as StoredPod);
    assert.equal(reported.length, replicas.pods().length);
    const unreported = running.filter(({ id }) => !reported.some((pod) => containerIdOf(pod) === id));
    assert.deepEqual(
      unreported.map(({ id, labels }) => [id, labels["io.kubernetes.pod.name"]]),
      [],
      `running containers of no Pod; ${JSON.stringify([this.#parts.statuses.problems, this.#parts.statuses.deletions])}`,
    );
    assert.deepEqual(running.map(({ id }) => id).sort(), reported.map(containerIdOf).sort());
    assert.deepEqual(
      ready.map(({ metadata }) => metadata?.uid).sort(),
      reported.map(({ metadata }) => metadata?.uid).sort(),
    );
    for (const { id, metadata } of ready) {
      const { status } = await runtime.podSandboxStatus({ podSandboxId: id });
      const pod = reported.find((one) => one.metadata?.uid === metadata?.uid);
      assert.equal(pod?.status.phase, "Running");
      assert.equal(pod.status.podIP ?? "", status?.network?.ip ?? "");
    }
  }

  #textOf({ metadata, status }: StoredPod): string {
    const { name, deletionTimestamp = "-" } = metadata ?? {};
    return `${name} ${deletionTimestamp} ${JSON.stringify(status)}`;
  }
}

function containerIdOf({ status }: StoredPod): string {
  const [one] = status.containerStatuses ?? [];
  return one?.state?.running ? (one.containerID ?? "").replace(/^[^/]*:\/\//, "") : "";
}

/** Of the Pods: no sandbox, container, folder, log, mount or cgroup. */
async function checkNothingIsLeft(
  { cri, rootDir, cgroupFolders = [] }: ChurnNode,
  others: ReadonlySet<string>,
): Promise<void> {
  const left = async () => [
    ...(await idsIn(cri)),
    ...["pods", "logs", "containers"].flatMap((name) => filesIn(join(rootDir, "kubelet", name))),
    ...readFileSync("/proc/self/mounts", "utf8")
      .split("\n")
      .filter((line) => line.includes(rootDir)),
    ...cgroupFolders.flatMap(filesIn).filter((name) => /pod[0-9a-f]{8}-/.test(name)),
  ];
  let found: string[] = [];
  const isEmpty = async () => {
    found = (await left()).filter((name) => !others.has(name));
    return found.length === 0;
  };
  await until(isEmpty, "nothing is left", 60_000).catch(() => assert.deepEqual(found, []));
}

/** Returns the ids of all sandboxes and containers of a runtime. */
async function idsIn({ runtime }: Cri): Promise<string[]> {
  const { items } = await runtime.listPodSandbox({});
  const { containers } = await runtime.listContainers({});
  return [...items, ...containers].map(({ id }) => id);
}

function filesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}
