import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Container, type ContainerSpec, type Cri, connect, isCriError, type Pod } from "cri-sdk";
import { EmbeddedRuntime } from "cri-sdk/testing";
import { type DemoPace, demoPrograms } from "./programs.js";

/** How the demo behaves. */
export interface DemoOptions extends Partial<DemoPace> {
  /** The pause before the first restart; it doubles up to eight times this value. */
  readonly restartAfterMs?: number;
}

/** The runtime of the demo, with its pods. Closing it removes everything. */
export interface Demo extends AsyncDisposable {
  readonly cri: Cri;
  readonly runtime: EmbeddedRuntime;
}

interface DemoPod {
  readonly name: string;
  readonly namespace: string;
  readonly containers: readonly DemoContainer[];
}

/** A container: its name, its command, and the rest as in the SDK. */
type DemoContainer = Pick<ContainerSpec, "name" | "resources"> & {
  readonly image: string;
  readonly command: string;
  readonly restart?: boolean;
};

const registry = "registry.example";
const images = [
  { names: [`${registry}/shop/storefront:3.2`], sizeBytes: 187_000_000 },
  { names: [`${registry}/shop/payments:2.4.1`], sizeBytes: 96_400_000 },
  { names: [`${registry}/shop/recommendations:0.9`], sizeBytes: 912_000_000 },
  { names: [`${registry}/shop/thumbnails:1.1`], sizeBytes: 254_000_000 },
  { names: [`${registry}/shop/report:12`], sizeBytes: 61_200_000 },
  { names: [`${registry}/ops/agent:5`, `${registry}/ops/agent:latest`], sizeBytes: 48_900_000 },
  { names: ["docker.io/library/redis:7.4"], sizeBytes: 41_700_000 },
  { names: [`${registry}/shop/storefront:3.1`], sizeBytes: 185_300_000 },
];

const demoPods: readonly DemoPod[] = [
  {
    name: "storefront-7d9f",
    namespace: "shop",
    containers: [
      {
        name: "web",
        image: `${registry}/shop/storefront:3.2`,
        command: "serve-pages",
        resources: { memory: "256Mi" },
      },
      { name: "cache", image: "docker.io/library/redis:7.4", command: "cache" },
    ],
  },
  {
    name: "payments-5b6c",
    namespace: "shop",
    containers: [
      { name: "payments", image: `${registry}/shop/payments:2.4.1`, command: "pay", restart: true },
    ],
  },
  {
    name: "recommendations-86f4",
    namespace: "shop",
    containers: [
      {
        name: "model",
        image: `${registry}/shop/recommendations:0.9`,
        command: "recommend",
        restart: true,
        resources: { memory: "1Gi" },
      },
    ],
  },
  {
    name: "thumbnails-0",
    namespace: "shop",
    containers: [{ name: "worker", image: `${registry}/shop/thumbnails:1.1`, command: "resize" }],
  },
  {
    name: "monthly-report",
    namespace: "batch",
    containers: [{ name: "report", image: `${registry}/shop/report:12`, command: "report" }],
  },
  {
    name: "node-agent-x2x7",
    namespace: "ops",
    containers: [
      { name: "metrics", image: `${registry}/ops/agent:5`, command: "collect-metrics" },
      { name: "log-shipper", image: `${registry}/ops/agent:5`, command: "ship-logs" },
    ],
  },
];

/** Starts a runtime inside this process with a few pods: one crashes, one leaks memory, one logs. */
export async function startDemo(options: DemoOptions = {}): Promise<Demo> {
  const { crashAfterMs = 5_000, leakMebibytesPerSecond = 0.8, restartAfterMs = 3_000 } = options;
  const folder = await mkdtemp(join(tmpdir(), "cri-sdk-console-"));
  const closing = new AbortController();
  const undo: (() => Promise<unknown>)[] = [
    () => rm(folder, { recursive: true, force: true, maxRetries: 10 }),
  ];
  const work: Promise<void>[] = [];
  const close = async () => {
    closing.abort();
    for (const step of undo.splice(0).reverse()) await step();
    await Promise.all(work);
  };
  try {
    const runtime = await EmbeddedRuntime.start({
      socket: join(folder, "cri.sock"),
      programs: demoPrograms({ crashAfterMs, leakMebibytesPerSecond }),
      images,
      preload: images.map(({ names: [name = ""] }) => name),
      callLimit: 0,
    });
    undo.push(() => runtime.close());
    const cri = await connect(runtime.endpoint);
    undo.push(() => cri.close());
    for (const { name, namespace, containers } of demoPods) {
      const pod = await cri.pods.run({
        ...{ name, namespace, uid: `uid-of-${name}`, logDirectory: join(folder, name) },
        labels: { app: name.replace(/-[^-]*$/, "") },
      });
      for (const { restart = false, command, ...spec } of containers) {
        const complete = { ...spec, command: [command] };
        const container = await pod.runContainer(complete);
        if (restart) work.push(keepRunning(pod, complete, container, restartAfterMs, closing.signal));
      }
    }
    return { cri, runtime, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Restarts a container that ended, as a kubelet does: with back-off, the next attempt, and the last two dead containers kept. */
async function keepRunning(
  pod: Pod,
  spec: ContainerSpec,
  first: Container,
  restartAfterMs: number,
  signal: AbortSignal,
): Promise<void> {
  const dead: Container[] = [];
  let current = first;
  try {
    for (let attempt = 1; ; attempt++) {
      await current.wait({ signal });
      await pause(restartAfterMs * Math.min(8, 2 ** (attempt - 1)), undefined, { signal });
      dead.push(current);
      if (dead.length > 2) await dead.shift()?.remove({ signal });
      current = await pod.runContainer({ ...spec, attempt }, { signal });
    }
  } catch (error) {
    // The end of the demo, or the pod or the container was removed in the console.
    if (!signal.aborted && !isCriError(error)) throw error;
  }
}
