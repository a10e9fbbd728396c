// A CRI shim: serves the containers of another engine as CRI, for crictl, a kubelet, or this SDK. It implements the essential
// RPCs of both services; all others fail with Unimplemented. `engine.ts` stands in for the engine: replace it with yours.
//
//   npx tsx --conditions=cri-sdk-source examples/shim/main.ts /tmp/shim.sock
//   crictl --runtime-endpoint unix:///tmp/shim.sock ps
//
// It prints a line when it listens. On SIGTERM it removes its containers and ends.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { finished } from "node:stream/promises";
import { dateToNanos } from "cri-sdk";
import { createStreamingServer, criError, type Services, serve } from "cri-sdk/server";
import { type ContainerConfig, ContainerState, type PodSandboxConfig, PodSandboxState } from "cri-sdk/v1";
import { Engine, type EngineContainer } from "./engine.js";
import { askedFor } from "./filter.js";

// CRI adds pods to an engine's containers, and the configs of both.
const engine = new Engine();
const pods = new Map<string, { config: PodSandboxConfig; createdAt: bigint; state: PodSandboxState }>();
const containers = new Map<string, { config: ContainerConfig; podId: string; engine: EngineContainer }>();

function find<T>(all: ReadonlyMap<string, T>, id: string): T {
  const found = all.get(id);
  if (found) return found;
  throw criError("object_missing", `no object has the id ${id}`);
}

function running(id: string): EngineContainer {
  const container = find(containers, id).engine;
  if (container.running) return container;
  throw criError("wrong_state", `container ${id} is not running`);
}

async function remove(containerId: string): Promise<void> {
  await containers.get(containerId)?.engine.stop(0);
  containers.delete(containerId);
}

const inPod = (id: string) => [...containers.values()].filter(({ podId }) => podId === id);
const done = () => ({});
const nanos = (date: Date | undefined) => (date ? dateToNanos(date) : 0n);

/** Returns the fields of a pod in lists and statuses. */
function podStatus(id: string) {
  const { config, createdAt, state } = find(pods, id);
  const { metadata, labels, annotations } = config;
  return { id, metadata, labels, annotations, createdAt, state, network: { ip: "127.0.0.1" } };
}

/** Returns the fields of a container in lists and statuses. */
function containerStatus(id: string) {
  const { config, podId, engine: container } = find(containers, id);
  const { metadata, image, labels, annotations } = config;
  const { spec, createdAt, startedAt, finishedAt, exitCode } = container;
  const { CONTAINER_CREATED, CONTAINER_RUNNING, CONTAINER_EXITED } = ContainerState;
  return {
    ...{ id, podSandboxId: podId, metadata, image, labels, annotations, exitCode, logPath: spec.logPath },
    ...{ createdAt: nanos(createdAt), startedAt: nanos(startedAt), finishedAt: nanos(finishedAt) },
    imageRef: engine.images.get(spec.image) ?? "",
    state: container.running ? CONTAINER_RUNNING : finishedAt ? CONTAINER_EXITED : CONTAINER_CREATED,
  };
}

const streaming = await createStreamingServer({
  exec: ({ containerId, command, signal, ...streams }) => running(containerId).exec(command, streams, signal),
  async portForward({ podSandboxId, port, connection, signal }) {
    find(pods, podSandboxId);
    const far = await engine.connect(port);
    signal.addEventListener("abort", () => far.destroy(), { once: true });
    connection.pipe(far).pipe(connection);
    await finished(far);
  },
});

const runtime: Services["runtime"] = {
  version: () => ({ version: "0.1.0", runtimeName: "shim", runtimeVersion: "1.0", runtimeApiVersion: "v1" }),
  status: () => ({
    status: { conditions: ["RuntimeReady", "NetworkReady"].map((type) => ({ type, status: true })) },
  }),
  runPodSandbox({ config }) {
    const podSandboxId = randomBytes(32).toString("hex");
    const state = PodSandboxState.SANDBOX_READY;
    if (config) pods.set(podSandboxId, { config, createdAt: nanos(new Date()), state });
    return { podSandboxId };
  },
  podSandboxStatus: ({ podSandboxId }) => ({ status: podStatus(podSandboxId) }),
  listPodSandbox: ({ filter }) => ({ items: [...pods.keys()].map(podStatus).filter(askedFor(filter)) }),
  async stopPodSandbox({ podSandboxId }) {
    await Promise.all(inPod(podSandboxId).map((container) => container.engine.stop(0)));
    find(pods, podSandboxId).state = PodSandboxState.SANDBOX_NOTREADY;
    return {};
  },
  async removePodSandbox({ podSandboxId }) {
    await Promise.all(inPod(podSandboxId).map((container) => remove(container.engine.id)));
    pods.delete(podSandboxId);
    return {};
  },
  createContainer({ podSandboxId, config }) {
    const { logDirectory } = find(pods, podSandboxId).config;
    if (!config) throw criError("invalid_request", "config: is required");
    const created = engine.create({
      image: config.image?.image ?? "",
      command: [...config.command, ...config.args],
      env: Object.fromEntries(config.envs.map(({ key, value }) => [key, Buffer.from(value).toString()])),
      logPath: config.logPath && `${logDirectory}/${config.logPath}`,
    });
    containers.set(created.id, { config, podId: podSandboxId, engine: created });
    return { containerId: created.id };
  },
  startContainer: ({ containerId }) => find(containers, containerId).engine.start().then(done),
  stopContainer: ({ containerId, timeout }) =>
    find(containers, containerId)
      .engine.stop(Number(timeout) * 1_000)
      .then(done),
  removeContainer: ({ containerId }) => remove(containerId).then(done),
  containerStatus: ({ containerId }) => ({ status: containerStatus(containerId) }),
  listContainers: ({ filter }) => ({
    containers: [...containers.keys()].map(containerStatus).filter(askedFor(filter)),
  }),
  execSync: ({ containerId, cmd }, { signal }) => running(containerId).run(cmd, signal),
  exec: (request) => streaming.exec(request),
  portForward: (request) => streaming.portForward(request),
};

const image: Services["image"] = {
  pullImage: ({ image }) => ({ imageRef: engine.pull(image?.image ?? "") }),
  imageStatus({ image }) {
    const id = engine.images.get(image?.image ?? "");
    return image && id ? { image: { id, repoTags: [image.image] } } : {};
  },
  listImages: () => ({ images: [...engine.images].map(([name, id]) => ({ id, repoTags: [name] })) }),
  removeImage({ image }) {
    engine.images.delete(image?.image ?? "");
    return {};
  },
};

await using server = await serve(process.argv[2] ?? "/tmp/shim.sock", { runtime, image });
console.log(server.endpoint);
await Promise.race(["SIGTERM", "SIGINT"].map((signal) => once(process, signal)));
await streaming.close();
await Promise.all([...containers.keys()].map(remove));
