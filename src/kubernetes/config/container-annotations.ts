import type { Container, LifecycleHandler } from "../api/index.js";
import { checkStringArgument } from "../argument-checks.js";
import { goJson } from "./go-text.js";
import type { PodView } from "./pod-view.js";

/**
 * The annotations of containers. They are the only durable store of a kubelet: after a restart it reads the restart count, the hash,
 * the grace periods and the preStop hook from them.
 */
export const containerAnnotationKeys = {
  /** The hash of what the container was created from. */
  hash: "io.kubernetes.container.hash",
  /** How often the container was started again. */
  restartCount: "io.kubernetes.container.restartCount",
  /** `terminationMessagePath` of the container. */
  terminationMessagePath: "io.kubernetes.container.terminationMessagePath",
  /** `terminationMessagePolicy` of the container. */
  terminationMessagePolicy: "io.kubernetes.container.terminationMessagePolicy",
  /** `metadata.deletionGracePeriodSeconds`, in seconds. */
  deletionGracePeriod: "io.kubernetes.pod.deletionGracePeriod",
  /** `spec.terminationGracePeriodSeconds`, in seconds. */
  terminationGracePeriod: "io.kubernetes.pod.terminationGracePeriod",
  /** The preStop hook, as JSON. */
  preStopHandler: "io.kubernetes.container.preStopHandler",
  /** The ports of the container, as JSON. */
  ports: "io.kubernetes.container.ports",
} as const;

/** Returns a container's annotations, in the kubelet's format. Those of the pod are not among them. */
export function containerAnnotations(
  view: PodView,
  container: Container,
  restartCount: number,
): Record<string, string> {
  const keys = containerAnnotationKeys;
  const { deletionGracePeriodSeconds } = view.pod.metadata ?? {};
  const { terminationGracePeriodSeconds } = view.spec;
  const { lifecycle, ports = [] } = container;
  const annotations: Record<string, string> = {
    [keys.hash]: containerHash(container.name, container.image ?? ""),
    [keys.restartCount]: String(restartCount),
    [keys.terminationMessagePath]: container.terminationMessagePath ?? "",
    [keys.terminationMessagePolicy]: container.terminationMessagePolicy ?? "",
  };
  if (deletionGracePeriodSeconds !== undefined)
    annotations[keys.deletionGracePeriod] = String(deletionGracePeriodSeconds);
  if (terminationGracePeriodSeconds !== undefined)
    annotations[keys.terminationGracePeriod] = String(terminationGracePeriodSeconds);
  if (lifecycle?.preStop !== undefined) annotations[keys.preStopHandler] = handlerJson(lifecycle.preStop);
  if (ports.length > 0) annotations[keys.ports] = portsJson(ports);
  return annotations;
}

/** Writes the fields in the order of Go's types, without those that are empty. */
function handlerJson({ exec, httpGet, tcpSocket, sleep }: LifecycleHandler): string {
  return goJson({
    exec: exec && { command: nonEmptyList(exec.command) },
    httpGet: httpGet && {
      path: httpGet.path || undefined,
      port: httpGet.port,
      host: httpGet.host || undefined,
      scheme: httpGet.scheme || undefined,
      httpHeaders: nonEmptyList(httpGet.httpHeaders)?.map(({ name, value }) => ({ name, value })),
    },
    tcpSocket: tcpSocket && { port: tcpSocket.port, host: tcpSocket.host || undefined },
    sleep: sleep && { seconds: sleep.seconds },
  });
}

function portsJson(ports: NonNullable<Container["ports"]>): string {
  return goJson(
    ports.map(({ name, hostPort, containerPort, protocol, hostIP }) => ({
      name: name || undefined,
      hostPort: hostPort || undefined,
      containerPort,
      protocol: protocol || undefined,
      hostIP: hostIP || undefined,
    })),
  );
}

function nonEmptyList<T>(list: readonly T[] | undefined): readonly T[] | undefined {
  return list === undefined || list.length === 0 ? undefined : list;
}

const fnvOffset = 0x811c9dc5;
const fnvPrime = 0x01000193;

/**
 * Returns the hash that a container's annotation holds. A container whose hash differs from that of its manifest is restarted; only
 * its name and image count, so changes of resources or variables restart nothing. As in the kubelet since 1.31.
 *
 * @returns FNV-1a of 32 bits in hexadecimal digits, without zeros in front
 */
export function containerHash(name: string, image: string): string {
  checkStringArgument("containerHash", "name", name);
  checkStringArgument("containerHash", "image", image);
  const dumped = `([]uint8)[${Array.from(Buffer.from(goJson({ image, name }))).join(" ")}]`;
  let hash = fnvOffset;
  for (const byte of Buffer.from(dumped)) hash = Math.imul(hash ^ byte, fnvPrime);
  return (hash >>> 0).toString(16);
}
