// A kubelet whose Pods come and go while its runtime has faults.
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { ContainerState, PodSandboxState } from "../../../gen/runtime/v1/api_pb.js";
import type { Cri } from "../../../src/index.js";
import { createKubelet, type Kubelet, type KubeletOptions } from "../../../src/kubelet/index.js";
import { defaultPod, type Pod } from "../../../src/kubernetes/index.js";
import type { EmbeddedRuntime, RuntimeLike } from "../../../src/testing/index.js";
import { cleanup } from "../cleanup.js";
import { busybox, scripted } from "../embedded.js";
import { ListSource } from "../kubelets.js";
import { SeededRandom } from "../random.js";
import { tempFolder } from "../temp.js";
import { until, within } from "../waiting.js";
import { faultyClient } from "./client.js";
import { harshPlan } from "./harsh-plan.js";
import { likeOf } from "./likes.js";
import { faultLine } from "./report.js";

/** How large the test is. */
export interface KubeletChaosPlan {
  /** The largest number of Pods at a time. */
  readonly pods: number;
  /** The number of changes of the Pods. */
  readonly changes: number;
  readonly seed?: number;
  /** The runtimes that the embedded one may behave like; the seed chooses. @default all */
  readonly likes?: readonly [RuntimeLike, ...RuntimeLike[]];
}

/** CRI-O stops a pod with a container that was never started, or ignores SIGTERM, at the deadline of StopPodSandbox: two minutes. */
const settleMsOf = (like: RuntimeLike | undefined) => (like === "cri-o" ? 240_000 : 60_000);
const relist = { statusMs: 500, downAfterMs: 5_000, eventedMs: 1_000, genericMs: 200 };

/**
 * Changes the Pods of a kubelet and restarts the kubelet while calls to the runtime have faults. When the faults end, exactly the wanted
 * Pods run, each container once; then all Pods go, and nothing is left. Returns the number of faults.
 */
export async function checkKubeletUnderChaos(t: TestContext, plan: KubeletChaosPlan): Promise<number> {
  const random = new SeededRandom(plan.seed);
  t.diagnostic(`CRI_SDK_TEST_SEED=${random.seed}`);
  const folder = await tempFolder(t);
  const rootDir = join(folder, "kubelet");
  const like = plan.likes ? random.of(...plan.likes) : likeOf(random);
  const settleMs = settleMsOf(like);
  const { runtime, cri } = await scripted(t, { like, callLimit: 1_000_000 });
  const { proxy, faulty } = await faultyClient(t, runtime.transport, {
    ...(random.seed % 2 === 0 && { socket: join(folder, "chaos.sock") }),
    seed: String(random.seed),
    plan: harshPlan(),
  });
  const source = new ListSource("list", []);
  const kubelets = new Kubelets(t, { cri: faulty, rootDir, sources: [source] });
  await kubelets.start();
  const twice = new Duplicates(cri);
  cleanup(t, () => twice.stop());

  let pods: readonly Pod[] = [];
  for (let change = 0; change < plan.changes; change++) {
    const kept = pods.filter(() => random.next() < 0.7);
    const added = Array.from({ length: random.below(plan.pods - kept.length + 1) }, (_, n) =>
      podOf(`p${change}-${n}`, random),
    );
    pods = [...kept, ...added];
    source.set(...pods);
    await pause(random.below(1_500));
    if (random.next() < 0.2) await kubelets.restart();
  }
  t.diagnostic(faultLine(proxy));
  await proxy.pause();
  const pausedAt = performance.now();
  await untilAgreed({ runtime, cri, kubelet: kubelets.current, pods, settleMs });
  t.diagnostic(
    `like ${like ?? "the specification"}: agreed after ${Math.round(performance.now() - pausedAt)} ms`,
  );
  assert.deepEqual(twice.problems, []);
  assert.deepEqual(repeatedStarts(runtime), []);
  const problems = statusProblems(source, pods);
  for (const name of new Set(problems.map((problem) => problem.split(":")[0] ?? "")))
    t.diagnostic(historyOf(name, source, runtime));
  assert.deepEqual(problems, []);
  source.set();
  await untilNothingIsLeft(cri, kubelets.current, rootDir, settleMs);
  await twice.stop();
  assert.deepEqual(twice.problems, []);
  await within(30_000, kubelets.current.stop(), "kubelet.stop()");
  return proxy.total;
}

/** A Pod that runs until it is deleted, or one that ends by itself. */
function podOf(name: string, random: SeededRandom): Pod {
  const container = (containerName: string, ...command: readonly string[]) => ({
    name: containerName,
    image: busybox,
    command: [...command],
  });
  const main = container("main", random.next() < 0.2 ? "ignore-term" : "run");
  const kind = random.of("plain", "two", "init", "probed", "job");
  const code = random.below(3);
  return defaultPod({
    metadata: { name, namespace: "test", labels: { kind } },
    spec: {
      terminationGracePeriodSeconds: 1,
      ...(kind === "job" && { restartPolicy: "Never" }),
      ...(kind === "init" && { initContainers: [container("init", "exit", "0")] }),
      containers:
        kind === "two"
          ? [main, container("side", "run")]
          : kind === "job"
            ? [container("main", "exit", String(code))]
            : kind === "probed"
              ? [{ ...main, readinessProbe: { exec: { command: ["exit", "0"] }, periodSeconds: 1 } }]
              : [main],
    },
  });
}

/** The kubelets of a node, one after the other. */
class Kubelets {
  readonly #t: TestContext;
  readonly #options: KubeletOptions;
  #current: Kubelet | undefined;

  constructor(t: TestContext, options: Pick<KubeletOptions, "cri" | "rootDir" | "sources">) {
    this.#t = t;
    this.#options = {
      ...options,
      nodeName: "node",
      withoutMounts: "allow",
      eviction: false,
      cgroups: false,
      imageGarbageCollection: false,
      relist,
      backOff: { firstMs: 200, maxMs: 1_000 },
      garbageCollection: { intervalMs: 1_000 },
    };
  }

  get current(): Kubelet {
    assert.ok(this.#current);
    return this.#current;
  }

  async start(): Promise<void> {
    const kubelet = await within(60_000, createKubelet(this.#options), "createKubelet()");
    this.#current = kubelet;
    cleanup(this.#t, () => within(30_000, kubelet.close(), "kubelet.close()"));
  }

  async restart(): Promise<void> {
    await within(60_000, this.current.close(), "kubelet.close()");
    await this.start();
  }
}

/** Looks for containers of a Pod that run twice at the same time. */
class Duplicates {
  readonly problems: string[] = [];
  readonly #end = new AbortController();
  readonly #loop: Promise<void>;

  constructor(cri: Cri) {
    this.#loop = this.#run(cri);
  }

  async stop(): Promise<void> {
    this.#end.abort();
    await this.#loop;
  }

  async #run(cri: Cri): Promise<void> {
    const { signal } = this.#end;
    while (!signal.aborted) {
      const running = (await containersOf(cri)).filter(({ isRunning }) => isRunning).map(({ key }) => key);
      for (const key of running.filter((one, index) => running.indexOf(one) < index))
        if (!this.problems.includes(key)) this.problems.push(key);
      await pause(20, undefined, { signal }).catch(() => undefined);
    }
  }
}

async function containersOf({ runtime }: Cri) {
  const { containers } = await runtime.listContainers({});
  return containers.map(({ id, state, labels }) => ({
    id,
    key: `${labels["io.kubernetes.pod.name"]}/${labels["io.kubernetes.container.name"]}`,
    isRunning: state === ContainerState.CONTAINER_RUNNING,
  }));
}

interface Agreement {
  readonly runtime: EmbeddedRuntime;
  readonly cri: Cri;
  readonly kubelet: Kubelet;
  readonly pods: readonly Pod[];
  readonly settleMs: number;
}

/** Waits until the runtime and the kubelet have the wanted Pods: each container once, and nothing else that runs. */
async function untilAgreed({ runtime, cri, kubelet, pods, settleMs }: Agreement): Promise<void> {
  const isJob = ({ metadata }: Pod) => metadata?.labels?.kind === "job";
  const nameOf = ({ metadata }: Pod) => metadata?.name ?? "";
  const wanted = {
    running: pods
      .filter((pod) => !isJob(pod))
      .flatMap((pod) => (pod.spec?.containers ?? []).map(({ name }) => `${nameOf(pod)}/${name}`))
      .sort(),
    sandboxes: pods
      .filter((pod) => !isJob(pod))
      .map(nameOf)
      .sort(),
    phases: pods.map((pod) => `${nameOf(pod)} ${isJob(pod) ? jobPhase(pod) : "Running"}`).sort(),
    unready: [] as string[],
  };
  let found: unknown;
  const agrees = async () => {
    const { items } = await cri.runtime.listPodSandbox({});
    const running = (await containersOf(cri)).filter(({ isRunning }) => isRunning);
    const reported = kubelet.pods();
    const ids = reported.flatMap(({ status }) =>
      (status.containerStatuses ?? []).flatMap(({ state, containerID = "" }) =>
        state?.running ? [containerID.replace(/^.*:\/\//, "")] : [],
      ),
    );
    found = {
      running: running.map(({ key }) => key).sort(),
      sandboxes: items
        .filter(({ state }) => state === PodSandboxState.SANDBOX_READY)
        .map(({ metadata }) => metadata?.name)
        .sort(),
      phases: reported.map(({ pod, status }) => `${pod.metadata.name} ${status.phase}`).sort(),
      unready: reported
        .filter(
          ({ pod, status }) =>
            !isJob(pod) && status.conditions?.some((one) => one.type === "Ready" && one.status !== "True"),
        )
        .map(({ pod }) => pod.metadata.name),
      ...(JSON.stringify(ids.sort()) !== JSON.stringify(running.map(({ id }) => id).sort()) && { ids }),
    };
    return JSON.stringify(found) === JSON.stringify(wanted);
  };
  await until(agrees, "the node agrees", settleMs).catch((error) => {
    const last = runtime.calls.all
      .slice(-20)
      .map(({ method, error: failure }) => `${method} ${failure?.rawMessage ?? ""}`);
    console.error(
      last,
      kubelet
        .events()
        .slice(-20)
        .map(({ reason, message, object }) => `${object.name} ${reason} ${message}`),
    );
    assert.deepEqual(found, wanted, String(error));
  });
}

function jobPhase(pod: Pod): string {
  return (pod.spec?.containers ?? [])[0]?.command?.[1] === "0" ? "Succeeded" : "Failed";
}

/** Returns the containers of which more than one was started: nothing here ends by itself but jobs, which run once. */
function repeatedStarts({ calls }: EmbeddedRuntime): readonly string[] {
  const created = new Map(
    calls.of("createContainer").flatMap(({ request, responses }) => {
      const { metadata, labels = {} } = request.config ?? {};
      return responses.map(
        ({ containerId = "" }) =>
          [
            containerId,
            `${labels["io.kubernetes.pod.uid"]} ${labels["io.kubernetes.pod.name"]}/${metadata?.name}`,
          ] as const,
      );
    }),
  );
  const started = calls
    .of("startContainer")
    .filter(({ error, durationNanos }) => !error && durationNanos !== undefined)
    .map(({ request }) => created.get(request.containerId) ?? request.containerId);
  return started.filter((key, index) => started.indexOf(key) < index);
}

/** Returns the statuses of a Pod and the calls about it, to explain a failure. */
function historyOf(name: string, { statuses }: ListSource, { calls }: EmbeddedRuntime): string {
  const own = statuses.filter(({ pod }) => pod.pod.metadata?.name === name);
  const text = (value: unknown) =>
    JSON.stringify(value, (_, one) => (typeof one === "bigint" ? String(one) : one));
  const changes = calls.all.filter(
    ({ method, request }) => /^(run|create)/.test(method) && text(request).includes(`"${name}"`),
  );
  return [
    ...own.map(({ status }) => text([status.phase, status.reason, status.message, status.containerStatuses])),
    ...changes.map((call) => text([call.method, call.startedAt, call.error?.rawMessage, call.responses])),
  ].join("\n");
}

const ranks: Readonly<Record<string, number>> = { Pending: 0, Running: 1, Succeeded: 2, Failed: 2 };

/** Returns where the status of a Pod went backwards, reported a restart, or the exit of a job that is not its own. */
function statusProblems({ statuses }: ListSource, wanted: readonly Pod[]): readonly string[] {
  const problems = new Set<string>();
  const last = new Map<string, (typeof statuses)[number]["status"]>();
  for (const { pod: source, status } of statuses) {
    const { pod } = source;
    const { name = "", uid = "" } = pod.metadata ?? {};
    const before = last.get(uid);
    last.set(uid, status);
    const [from = 0, to = 0] = [ranks[before?.phase ?? ""], ranks[status.phase ?? ""]];
    if (to < from || (from === 2 && before?.phase !== status.phase))
      problems.add(`${name}: the phase went from ${before?.phase} to ${status.phase}`);
    for (const { name: container, restartCount, state } of status.containerStatuses ?? []) {
      const old = before?.containerStatuses?.find((one) => one.name === container);
      if (restartCount > 0) problems.add(`${name}: ${container} was restarted`);
      if (old?.state?.terminated && !state?.terminated)
        problems.add(`${name}: ${container} was terminated, then ${JSON.stringify(state)}`);
      // The container of a pod that is removed may be gone before its status was read.
      const isWanted = wanted.some(({ metadata }) => metadata?.name === name);
      if (pod.metadata?.labels?.kind !== "job" || !state?.terminated || !isWanted) continue;
      const { exitCode, reason } = state.terminated;
      const expected = pod.spec?.containers[0]?.command?.[1];
      if (String(exitCode) !== expected)
        problems.add(`${name}: exit code ${exitCode} (${reason}) instead of ${expected}`);
    }
  }
  return [...problems];
}

/** Waits until the runtime and the folders of the kubelet are empty. */
async function untilNothingIsLeft(
  cri: Cri,
  kubelet: Kubelet,
  rootDir: string,
  settleMs: number,
): Promise<void> {
  let left: unknown = [];
  const isEmpty = async () => {
    const { items } = await cri.runtime.listPodSandbox({});
    const folders = ["pods", "logs", "containers"].flatMap((name) => {
      const folder = join(rootDir, name);
      return existsSync(folder) ? readdirSync(folder) : [];
    });
    const found = [
      ...items.map(({ metadata }) => `sandbox ${metadata?.name}`),
      ...(await containersOf(cri)).map(({ key }) => `container ${key}`),
      ...kubelet.pods().map(({ pod }) => `pod ${pod.metadata.name}`),
      ...folders.map((name) => `folder ${name}`),
    ];
    left = found;
    return found.length === 0;
  };
  await until(isEmpty, "nothing is left", settleMs).catch(() => assert.deepEqual(left, []));
}
