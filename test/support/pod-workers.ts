import type { TestContext } from "node:test";
import { create } from "@bufbuild/protobuf";
import { ContainerConfigSchema, PodSandboxConfigSchema } from "../../gen/runtime/v1/api_pb.js";
import { lifecycleHooks } from "../../src/kubernetes/hooks/hooks.js";
import { containerHash, defaultPod, type Pod, type PodStatus } from "../../src/kubernetes/index.js";
import type { NodeFiles } from "../../src/kubernetes/node/node-files.js";
import { EventChanges } from "../../src/kubernetes/worker/pod-changes.js";
import { PodWorker } from "../../src/kubernetes/worker/pod-worker.js";
import type {
  Hooks,
  PodImages,
  PodPlanner,
  PodProbes,
  PodWorkerEvent,
  PodWorkerParts,
  ProbeState,
} from "../../src/kubernetes/worker/ports.js";
import type { Programs } from "../../src/testing/index.js";
import { cleanup } from "./cleanup.js";
import { busybox, scripted } from "./embedded.js";
import { VirtualClock } from "./virtual-clock.js";

/** A planner with the least that a worker needs: names, labels and commands. */
export const simplePlanner: PodPlanner = {
  pod(pod, { sandboxAttempt = 0 }) {
    const { name, namespace, uid } = pod.metadata;
    return {
      runtimeHandler: "",
      sandbox: create(PodSandboxConfigSchema, {
        metadata: { name, namespace, uid, attempt: sandboxAttempt },
        labels: labelsOf(pod),
        logDirectory: `/nonexistent/${uid}`,
      }),
      volumes: [],
      notices: [],
    };
  },
  container(pod, name, { containers = {} }) {
    const { spec } = pod;
    const container = [...spec.initContainers, ...spec.containers].find((one) => one.name === name);
    const restartCount = containers[name]?.restartCount ?? 0;
    return {
      name,
      kind: "regular",
      image: container?.image ?? "",
      pullPolicy: "IfNotPresent",
      config: create(ContainerConfigSchema, {
        metadata: { name, attempt: restartCount },
        image: { image: container?.image ?? "" },
        command: [...(container?.command ?? [])],
        labels: { ...labelsOf(pod), "io.kubernetes.container.name": name },
        annotations: {
          "io.kubernetes.container.restartCount": String(restartCount),
          "io.kubernetes.container.hash": containerHash(name, container?.image ?? ""),
        },
      }),
      files: { terminationLog: undefined, hosts: undefined, subPaths: [] },
    };
  },
};

function labelsOf(pod: Pod): Record<string, string> {
  const { name = "", namespace = "", uid = "" } = pod.metadata ?? {};
  return {
    "io.kubernetes.pod.name": name,
    "io.kubernetes.pod.namespace": namespace,
    "io.kubernetes.pod.uid": uid,
  };
}

/** Files of a node that has none. */
export const noFiles: NodeFiles = {
  preparePod: async () => ({ notices: [] }),
  updateVolumes: async () => ({ notices: [] }),
  prepareContainer: async (_pod, { config }) => ({ config, notices: [] }),
  linkLog: async () => undefined,
  removeContainer: async () => undefined,
  readTerminationMessage: async () => "",
  userNamespaceHostId: async () => 65_536,
  listPods: async () => [],
  removePod: async () => undefined,
  removeLogs: async () => undefined,
};

/** Images that are all on the node. */
export const presentImages: PodImages = {
  ensure: async ({ image }) => ({ id: image }),
};

/** Probes that report what the test sets. */
export class SetProbes implements PodProbes {
  readonly states = new Map<string, ProbeState>();
  onChange: () => void = () => undefined;
  sync(): void {}
  state(id: string): ProbeState {
    return this.states.get(id) ?? { startup: "success", liveness: "success", readiness: "success" };
  }
  set(id: string, state: Partial<ProbeState>): void {
    this.states.set(id, { ...this.state(id), ...state });
    this.onChange();
  }
  stopRestarting(): void {}
  close(): void {}
}

/** A worker on an embedded runtime with functions for programs, on a virtual clock. */
export async function startWorker(
  t: TestContext,
  manifest: Pick<Pod, "spec" | "metadata">,
  { programs, parts = {} }: { readonly programs?: Programs; readonly parts?: Partial<PodWorkerParts> } = {},
) {
  const clock = new VirtualClock();
  const node = await scripted(t, { clock: clock.runtime, ...(programs && { programs }) });
  clock.activity = () => node.runtime.calls.total;
  return { ...node, ...runWorker(t, node, clock, manifest, parts), clock };
}

/** Runs a worker on a runtime. */
export function runWorker(
  t: TestContext,
  { cri }: Pick<Awaited<ReturnType<typeof scripted>>, "cri">,
  clock: VirtualClock,
  manifest: Pick<Pod, "spec" | "metadata">,
  parts: Partial<PodWorkerParts> = {},
) {
  const pod = defaultPod({ ...manifest, metadata: { name: "p", namespace: "test", ...manifest.metadata } });
  const events: PodWorkerEvent[] = [];
  const statuses: PodStatus[] = [];
  const probes = new SetProbes();
  const hooks: Hooks = lifecycleHooks({ runtime: cri.runtime, clock });
  const worker = new PodWorker(
    pod,
    {
      runtime: cri.runtime,
      images: presentImages,
      planner: simplePlanner,
      files: noFiles,
      probes: ({ onChange }) => {
        probes.onChange = onChange;
        return probes;
      },
      hooks,
      changes: new EventChanges(cri.events),
      clock,
      inputs: () => ({}),
      node: () => ({ nodeIPs: ["192.0.2.1"], runtimeName: "embedded", runtimeHandlers: {} }),
      record: (event) => events.push(event),
      onStatus: (status) => statuses.push(status),
      ...parts,
    },
    { random: () => 0 },
  );
  cleanup(t, () => worker.close());
  return { pod, worker, events, statuses, probes };
}

/** A container of a Pod with a command of the scripted programs. */
export function container(name: string, ...command: string[]) {
  return { name, image: busybox, command };
}
