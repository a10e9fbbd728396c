// One object of every public class and interface, on an embedded runtime.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as root from "../../src/index.js";
import * as kubelets from "../../src/kubelet.js";
import * as kubernetes from "../../src/kubernetes.js";
import * as logs from "../../src/logs.js";
import * as server from "../../src/server.js";
import * as testing from "../../src/testing.js";
import { busybox } from "./embedded.js";
import { programs, scriptedCommands } from "./scripted-programs.js";
import { within } from "./waiting.js";

const command = ["run"];
const containerSpec: root.ContainerSpec = { name: "c", image: busybox, command };

const playedPod: kubernetes.Pod = {
  metadata: { name: "played" },
  spec: { containers: [{ name: "c", image: busybox, command, imagePullPolicy: "IfNotPresent" }] },
};

/** Objects on which the functions are called. */
export interface World {
  readonly runtime: testing.EmbeddedRuntime;
  readonly chaos: testing.Chaos;
  readonly cri: root.Cri;
  readonly pod: root.Pod;
  readonly container: root.Container;
  readonly ports: root.PortForward;
  readonly connection: Awaited<ReturnType<root.PortForward["connect"]>>;
  readonly session: root.ExecSession;
  readonly watch: root.NodeWatch;
  readonly served: server.CriServer;
  readonly streamingServer: server.StreamingServer;
  readonly context: testing.ConformanceContext;
  readonly conformancePod: testing.ConformancePod;
  readonly conformanceContainer: testing.ConformanceContainer;
  readonly killable: Awaited<ReturnType<root.Container["exec"]>>;
  readonly writer: logs.LogWriter;
  readonly node: kubernetes.NodeFacts;
  readonly nodeFiles: kubernetes.LocalNodeFiles;
  readonly played: kubernetes.PlayedPod;
  readonly kubelet: kubelets.Kubelet;
  readonly recording: testing.RecordingTransport;
  /** The file of a recording. */
  readonly recorded: string;
  readonly folder: string;
}

/** Creates the objects, and a function that closes them. */
export async function createWorld(): Promise<{ world: World; close: () => Promise<void> }> {
  const closing: (() => unknown)[] = [];
  const close = async () => {
    for (const end of closing.reverse()) await within(10_000, Promise.resolve(end()), "clean-up");
  };
  try {
    const folder = await mkdtemp(join(tmpdir(), "cri-"));
    closing.push(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }));
    const runtime = await testing.EmbeddedRuntime.start({ programs, preload: [busybox] });
    closing.push(() => runtime.close());
    const chaos = testing.chaos(runtime.transport, { plan: { rules: [] } });
    closing.push(() => chaos.close());
    const cri = root.connect.through(runtime);
    closing.push(() => cri.close());
    const container = await cri.pods.runContainer({ name: "web" }, containerSpec);
    const streamingServer = await server.createStreamingServer({}, { listen: false });
    closing.push(() => streamingServer.close());
    const served = await server.serve(join(folder, "s.sock"), {});
    closing.push(() => served.close());
    const images = { main: busybox, sameImage: "a", other: "b", missing: "c" };
    const target = { cri, images, commands: scriptedCommands, directory: folder };
    const end = new AbortController();
    const { context, ended } = await conformanceContext(target, end.signal);
    closing.push(() => {
      end.abort();
      return ended;
    });
    const watch = await cri.watchNode();
    closing.push(() => watch.close());
    const conformancePod = await context.pod();
    const conformanceContainer = await conformancePod.start(command);
    const killable = await container.exec(command, { tty: true, killOnClose: true });
    closing.push(() => killable.close());
    const writer = await logs.LogWriter.open(join(folder, "0.log"));
    closing.push(() => writer.close());
    const session = await container.exec(command, { tty: true });
    closing.push(() => session.close());
    const { pod } = container;
    const ports = pod.portForward();
    closing.push(() => ports.close());
    await pod.runContainer({ name: "listener", image: busybox, command: ["listen", "8080"] });
    const connection = await ports.connect(8080, { portWaitMs: 10_000 });
    const rootDir = join(folder, "pods");
    const node = await kubernetes.nodeFacts(cri);
    const nodeFiles = new kubernetes.LocalNodeFiles({ rootDir, podLogsDir: folder });
    const played = await kubernetes.playPod(cri, playedPod, { rootDir, onEvent: () => undefined });
    closing.push(() => played.stop({ gracePeriodSeconds: 1 }));
    await played.wait({ until: "running", timeoutMs: 20_000 });
    const kubelet = await kubelets.createKubelet({
      cri,
      sources: [kubelets.podList()],
      rootDir: join(folder, "kubelet"),
      eviction: false,
      imageGarbageCollection: false,
    });
    closing.push(() => kubelet.close());
    const recorded = join(folder, "recorded.jsonl");
    await testing.recording(runtime.transport, recorded).close();
    const recording = testing.recording(runtime.transport, join(folder, "open.jsonl"));
    closing.push(() => recording.close());
    return {
      world: {
        ...{
          runtime,
          chaos,
          cri,
          pod,
          container,
          ports,
          connection,
          session,
          watch,
          served,
          streamingServer,
          context,
        },
        ...{ conformancePod, conformanceContainer, killable, writer, node, nodeFiles, played, kubelet },
        ...{ recording, recorded, folder },
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Returns the context of a conformance case that lasts until the signal fires. */
function conformanceContext(
  target: testing.ConformanceTarget,
  signal: AbortSignal,
): Promise<{ readonly context: testing.ConformanceContext; readonly ended: Promise<unknown> }> {
  return new Promise((resolve, reject) => {
    const one: testing.ConformanceCase = {
      id: "mine",
      title: "waits",
      rule: "none",
      group: "runtime",
      run: (context) => {
        resolve({ context, ended });
        return new Promise((end) => signal.addEventListener("abort", () => end()));
      },
    };
    const ended = testing.runConformance(target, { cases: [one], timeoutMs: 600_000 });
    ended.catch(reject);
  });
}
