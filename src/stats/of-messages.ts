import type { ContainerStats, PodSandboxStats, WindowsContainerStats } from "../../gen/runtime/v1/api_pb.js";
import { kubernetesLabels } from "../core/index.js";
import { cpuUsage, memoryUsage, networkUsage, pressure, swapUsage, writableLayerUsage } from "./figures.js";
import type { ContainerOrigin, ContainerUsage, PodUsage } from "./usage.js";

/**
 * A ContainerStats of CRI in the user's words. CRI's message does not say in which pod the container is: say so by `origin`, else
 * the pod's name, namespace and uid come from the labels that a kubelet sets, and are "" without them.
 */
export function containerUsage(
  message: ContainerStats | WindowsContainerStats,
  origin?: ContainerOrigin | undefined,
): ContainerUsage {
  const { id = "", metadata, labels = {} } = message.attributes ?? {};
  const cpu = message.cpu && cpuUsage(message.cpu);
  const memory = message.memory && memoryUsage(message.memory);
  const writableLayer = message.writableLayer && writableLayerUsage(message.writableLayer);
  const linux = message.$typeName === "runtime.v1.ContainerStats" ? message : undefined;
  const swap = linux?.swap && swapUsage(linux.swap);
  return Object.freeze({
    id,
    name: metadata?.name ?? "",
    attempt: metadata?.attempt ?? 0,
    podId: origin?.podId,
    ...podNames(origin, labels),
    labels,
    createdAt: origin?.createdAt,
    at: cpu?.at ?? memory?.at ?? swap?.at ?? writableLayer?.at,
    cpu,
    memory,
    swap,
    writableLayer,
    ioPsi: pressure(linux?.io?.psi),
    message,
  });
}

/** Which pod a container is in: from its origin, else from the labels that a kubelet sets, else "". */
export function podNames(
  origin: ContainerOrigin | undefined,
  labels: Readonly<Record<string, string>>,
): Pick<ContainerOrigin, "podName" | "podNamespace" | "podUid"> {
  return {
    podName: origin?.podName ?? labels[kubernetesLabels.podName] ?? "",
    podNamespace: origin?.podNamespace ?? labels[kubernetesLabels.podNamespace] ?? "",
    podUid: origin?.podUid ?? labels[kubernetesLabels.podUid] ?? "",
  };
}

/** A PodSandboxStats of CRI in the user's words. */
export function podUsage(message: PodSandboxStats): PodUsage {
  const { id = "", metadata, labels = {} } = message.attributes ?? {};
  const { name = "", namespace = "", uid = "", attempt = 0 } = metadata ?? {};
  const origin = { podId: id, podName: name, podNamespace: namespace, podUid: uid, createdAt: undefined };
  const figures = message.linux ?? message.windows;
  const cpu = figures?.cpu && cpuUsage(figures.cpu);
  const memory = figures?.memory && memoryUsage(figures.memory);
  const network = figures?.network && networkUsage(figures.network);
  return Object.freeze({
    ...{ id, name, namespace, uid, attempt, labels },
    at: cpu?.at ?? memory?.at ?? network?.at,
    cpu,
    memory,
    network,
    processCount: figures?.process?.processCount?.value,
    ioPsi: pressure(message.linux?.io?.psi),
    containers: (figures?.containers ?? []).map((container) => containerUsage(container, origin)),
    message,
  });
}
