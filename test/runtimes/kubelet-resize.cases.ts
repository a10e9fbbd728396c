// In-place resize, pod cgroups and tokens on a real runtime: what the files of cgroups say, and that containers keep running.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm } from "node:fs/promises";
import { test } from "node:test";
import {
  createKubelet,
  type Kubelet,
  type KubeletOptions,
  type SourceInputs,
} from "../../src/kubelet/index.js";
import {
  type Container,
  type ContainerStatus,
  defaultPod,
  type Pod,
  type PodSpec,
  type ResourceRequirements,
} from "../../src/kubernetes/index.js";
import { ListSource } from "../support/kubelets.js";
import { until } from "../support/waiting.js";
import type { Subject } from "./support.js";

const mount = "/sys/fs/cgroup";
const namespace = "kubelet-resize";
const mebi = 1024 * 1024;

const resources = (cpu: string, cpuLimit: string, memory: string): ResourceRequirements => ({
  requests: { cpu, memory: "16Mi" },
  limits: { cpu: cpuLimit, memory },
});
const small = resources("100m", "200m", "64Mi");
const large = resources("200m", "400m", "128Mi");

/** Ends at once when it is asked to. */
const script = `trap 'exit 0' TERM; while :; do sleep 0.1; done`;

/** A source that also has tokens. */
class Source extends ListSource {
  tokens: Readonly<Record<string, string>> = {};

  inputs(): SourceInputs {
    return { serviceAccountTokens: this.tokens };
  }
}

interface PodShape {
  readonly generation?: number;
  readonly container?: Partial<Container>;
  readonly spec?: Partial<PodSpec>;
}

export function kubeletResizeCases(subject: () => Subject): void {
  /** Runs a kubelet with its own folder and cgroup, stops it, and checks that no cgroup of it is left. */
  async function withKubelet(
    name: string,
    use: (world: {
      readonly source: Source;
      readonly start: () => Promise<Kubelet>;
      readonly kubelet: () => Kubelet;
      readonly podOf: (name: string, resources: ResourceRequirements, shape?: PodShape) => Pod;
      readonly reasons: (podName: string) => readonly string[];
      /** Reads a file of the cgroup of a pod, or of one of its containers. */
      readonly cgroup: (podName: string, containerId?: string) => CgroupReader;
    }) => Promise<void>,
    options: Partial<KubeletOptions> = {},
  ): Promise<void> {
    const { cri, running } = subject();
    const rootDir = `${running.dir}/kubelet-${name}`;
    const cgroupRoot = `${running.cgroupParent}/kubelet-${name}`;
    await mkdir(rootDir, { recursive: true });
    const source = new Source("list", []);
    const events: { readonly reason: string; readonly pod: string }[] = [];
    let kubelet: Kubelet | undefined;
    const current = () => kubelet ?? assert.fail("the kubelet was not started");
    const start = async () => {
      kubelet = await createKubelet({
        cri,
        rootDir,
        podLogsDir: `${rootDir}/logs`,
        nodeName: name,
        node: { cgroupRoot },
        sources: [source],
        cgroups: { podPidsLimit: 200 },
        imageGarbageCollection: false,
        eviction: false,
        onEvent: ({ reason, object }) => events.push({ reason, pod: object.name }),
        ...options,
      });
      return kubelet;
    };
    const uidOf = (podName: string) => `${name}-${podName}`;
    try {
      await use({
        source,
        start,
        kubelet: current,
        podOf: (podName, given, { generation = 1, container = {}, spec = {} } = {}) =>
          defaultPod({
            metadata: { name: podName, namespace, uid: uidOf(podName), generation },
            spec: {
              terminationGracePeriodSeconds: 2,
              containers: [
                {
                  name: "main",
                  image: running.images.busybox,
                  command: ["sh", "-c", script],
                  resources: given,
                  ...container,
                },
              ],
              ...spec,
            },
          }),
        reasons: (podName) => events.filter(({ pod }) => pod === podName).map(({ reason }) => reason),
        cgroup: (podName, containerId = "") =>
          new CgroupReader(`${cgroupRoot}/kubepods/burstable/pod${uidOf(podName)}/${containerId}`),
      });
      await current().stop({ gracePeriodSeconds: 1, timeoutMs: 60_000 });
      const folders = existsSync(`${mount}/memory`) ? [`${mount}/memory`, `${mount}/cpu`] : [mount];
      for (const folder of folders)
        assert.equal(existsSync(`${folder}${cgroupRoot}/kubepods`), false, folder);
    } finally {
      await kubelet?.stop({ gracePeriodSeconds: 1, timeoutMs: 60_000 }).catch(() => kubelet?.close());
      await rm(rootDir, { recursive: true, force: true });
    }
  }

  const statusOf = (kubelet: Kubelet, podName: string): ContainerStatus<Date> | undefined =>
    kubelet.pod(namespace, podName)?.status.containerStatuses?.[0];
  const conditionOf = (kubelet: Kubelet, podName: string, type: string) =>
    kubelet.pod(namespace, podName)?.status.conditions?.find((condition) => condition.type === type);
  const untilRunning = (kubelet: Kubelet, podName: string) =>
    until(() => statusOf(kubelet, podName)?.state?.running !== undefined, `${podName} running`, 60_000);
  const untilCpuLimit = (kubelet: Kubelet, podName: string, cpu: string) =>
    until(() => statusOf(kubelet, podName)?.resources?.limits?.cpu === cpu, `${podName} with ${cpu}`, 60_000);
  const idOf = (kubelet: Kubelet, podName: string) =>
    kubelet.pod(namespace, podName)?.observed.containers[0]?.id ?? "";

  test("kubelet: a running container gets other CPU and memory, and so does its pod; a restart of the kubelet changes nothing", async () => {
    await withKubelet("resize", async ({ source, start, podOf, reasons, cgroup }) => {
      let kubelet = await start();
      source.set(podOf("web", small));
      await untilRunning(kubelet, "web");
      const id = idOf(kubelet, "web");
      const limits = async () => [await cgroup("web").limits(), await cgroup("web", id).limits()];
      assert.deepEqual(await limits(), [
        { memory: 64 * mebi, quota: 20_000 },
        { memory: 64 * mebi, quota: 20_000 },
      ]);
      assert.equal(await cgroup("web").pids(), "200");

      source.set(podOf("web", large, { generation: 2 }));
      await untilCpuLimit(kubelet, "web", "400m");
      assert.deepEqual(await limits(), [
        { memory: 128 * mebi, quota: 40_000 },
        { memory: 128 * mebi, quota: 40_000 },
      ]);
      const status = statusOf(kubelet, "web");
      assert.deepEqual(status?.resources, large);
      assert.deepEqual(status?.allocatedResources, large.requests);
      assert.deepEqual([status?.restartCount, idOf(kubelet, "web")], [0, id]);
      await until(
        () => conditionOf(kubelet, "web", "PodResizeInProgress") === undefined,
        "the end of the resize",
      );
      assert.deepEqual(
        reasons("web").filter((reason) => reason.startsWith("Resize")),
        ["ResizeStarted", "ResizeCompleted"],
      );

      await kubelet.close();
      kubelet = await start();
      await untilRunning(kubelet, "web");
      await untilCpuLimit(kubelet, "web", "400m");
      assert.deepEqual([statusOf(kubelet, "web")?.restartCount, idOf(kubelet, "web")], [0, id]);
      assert.equal(reasons("web").filter((reason) => reason.startsWith("Resize")).length, 2);

      source.set(podOf("web", small, { generation: 3 }));
      await untilCpuLimit(kubelet, "web", "200m");
      assert.deepEqual(await limits(), [
        { memory: 64 * mebi, quota: 20_000 },
        { memory: 64 * mebi, quota: 20_000 },
      ]);
      assert.equal(idOf(kubelet, "web"), id);
    });
  });

  test("kubelet: memory is not limited below what a container uses", async () => {
    const { cri } = subject();
    await withKubelet("usage", async ({ source, start, podOf, cgroup }) => {
      const kubelet = await start();
      source.set(podOf("web", large));
      await untilRunning(kubelet, "web");
      const id = idOf(kubelet, "web");
      await cri.runCommand(id, ["sh", "-c", "head -c 50000000 /dev/zero > /dev/shm/filled"]);
      const tiny = resources("200m", "400m", "32Mi");
      source.set(podOf("web", tiny, { generation: 2 }));
      await until(
        () => conditionOf(kubelet, "web", "PodResizeInProgress")?.reason === "Error",
        "the refusal of the resize",
        60_000,
      );
      const message = conditionOf(kubelet, "web", "PodResizeInProgress")?.message ?? "";
      assert.match(
        message,
        /^cannot decrease memory limits: .*container "main" memory limit \(33554432\) below/,
      );
      assert.equal((await cgroup("web", id).limits()).memory, 128 * mebi);
      await cri.runCommand(id, ["rm", "/dev/shm/filled"]);
      await until(
        () => statusOf(kubelet, "web")?.resources?.limits?.memory === "32Mi",
        "the resize after the memory was freed",
        60_000,
      );
      assert.equal((await cgroup("web", id).limits()).memory, 32 * mebi);
      assert.equal(idOf(kubelet, "web"), id);
    });
  });

  test("kubelet: a container whose policy says so restarts for other memory", async () => {
    await withKubelet("policy", async ({ source, start, podOf, cgroup, reasons }) => {
      const container = { resizePolicy: [{ resourceName: "memory", restartPolicy: "RestartContainer" }] };
      const kubelet = await start();
      source.set(podOf("web", small, { container }));
      await untilRunning(kubelet, "web");
      const before = idOf(kubelet, "web");
      source.set(podOf("web", large, { generation: 2, container }));
      await until(
        () =>
          statusOf(kubelet, "web")?.restartCount === 1 &&
          statusOf(kubelet, "web")?.state?.running !== undefined,
        "the restart",
        60_000,
      );
      const after = idOf(kubelet, "web");
      assert.notEqual(after, before);
      assert.deepEqual(await cgroup("web", after).limits(), { memory: 128 * mebi, quota: 40_000 });
      assert.equal((await cgroup("web").limits()).memory, 128 * mebi);
      assert.ok(reasons("web").includes("Killing"));
    });
  });

  test("kubelet: a resize waits until others leave, and one that never fits is refused", async () => {
    await withKubelet(
      "waiting",
      async ({ source, start, podOf, cgroup, reasons }) => {
        const kubelet = await start();
        const other = podOf("other", resources("600m", "700m", "32Mi"));
        source.set(podOf("web", small), other);
        await untilRunning(kubelet, "web");
        await untilRunning(kubelet, "other");
        source.set(podOf("web", resources("700m", "800m", "64Mi"), { generation: 2 }), other);
        await until(() => conditionOf(kubelet, "web", "PodResizePending")?.reason === "Deferred", "Deferred");
        assert.equal((await cgroup("web", idOf(kubelet, "web")).limits()).quota, 20_000);
        source.set(podOf("web", resources("700m", "800m", "64Mi"), { generation: 2 }));
        await untilCpuLimit(kubelet, "web", "800m");
        assert.equal((await cgroup("web", idOf(kubelet, "web")).limits()).quota, 80_000);
        assert.equal(conditionOf(kubelet, "web", "PodResizePending"), undefined);
        source.set(podOf("web", resources("3", "4", "64Mi"), { generation: 3 }));
        await until(
          () => conditionOf(kubelet, "web", "PodResizePending")?.reason === "Infeasible",
          "Infeasible",
        );
        assert.match(
          conditionOf(kubelet, "web", "PodResizePending")?.message ?? "",
          /didn't have enough capacity: cpu, requested: 3000, capacity: 1000/,
        );
        assert.deepEqual(
          reasons("web").filter((reason) => reason.startsWith("Resize")),
          ["ResizeDeferred", "ResizeStarted", "ResizeCompleted", "ResizeInfeasible"],
        );
      },
      { capacity: { cpu: "1" } },
    );
  });

  test("kubelet: tokens of service accounts are files that follow their rotation", async () => {
    const { cri } = subject();
    await withKubelet("tokens", async ({ source, start, podOf }) => {
      const kubelet = await start();
      const spec: Partial<PodSpec> = {
        serviceAccountName: "robot",
        volumes: [{ name: "access", projected: { sources: [{ serviceAccountToken: { path: "token" } }] } }],
      };
      const container = { volumeMounts: [{ name: "access", mountPath: "/var/run/secrets" }] };
      const pod = podOf("web", small, { spec: { ...spec, containers: [] }, container });
      const [main] = podOf("web", small, { container }).spec?.containers ?? [];
      assert.ok(main);
      source.tokens = { "access/token": "first" };
      source.set({ ...pod, spec: { ...pod.spec, containers: [main] } });
      await untilRunning(kubelet, "web");
      const read = async () =>
        (await cri.runCommand(idOf(kubelet, "web"), ["cat", "/var/run/secrets/token"])).stdout;
      assert.equal(await read(), "first");
      source.tokens = { "access/token": "second" };
      source.host?.refresh();
      await until(async () => (await read()) === "second", "the rotated token", 60_000);
      assert.equal(statusOf(kubelet, "web")?.restartCount, 0);
    });
  });
}

/** Reads the files of a cgroup, on either version. */
class CgroupReader {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async limits(): Promise<{ readonly memory: number; readonly quota: number }> {
    const isVersion1 = existsSync(`${mount}/memory`);
    const memory = await this.#read("memory", isVersion1 ? "memory.limit_in_bytes" : "memory.max");
    const quota = await this.#read("cpu", isVersion1 ? "cpu.cfs_quota_us" : "cpu.max");
    return { memory: Number(memory), quota: Number.parseInt(quota, 10) };
  }

  pids(): Promise<string> {
    return this.#read("pids", "pids.max");
  }

  async #read(controller: string, file: string): Promise<string> {
    const folder = existsSync(`${mount}/memory`) ? `${mount}/${controller}` : mount;
    return (await readFile(`${folder}${this.#path}/${file}`, "utf8")).trim();
  }
}
