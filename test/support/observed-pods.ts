// Pods and what a runtime reports of them, for tests of decisions and statuses.
import { type DefaultedPod, defaultPod } from "../../src/kubernetes/index.js";
import type {
  ObservedContainer,
  ObservedPod,
  ObservedSandbox,
} from "../../src/kubernetes/worker/observed.js";
import { type Container, containerHash, type Pod } from "../../src/kubernetes.js";

export const seconds = 1_000_000_000n;
/** 2026-01-01T00:00:00Z */
export const epochSeconds = 1_767_225_600n;

/** Nanoseconds since 1970, this many seconds after the beginning of 2026. */
export function at(second: number): bigint {
  return (epochSeconds + BigInt(second)) * seconds;
}

/** Milliseconds since 1970, this many seconds after the beginning of 2026. */
export function atMs(second: number): number {
  return Number(epochSeconds + BigInt(second)) * 1000;
}

type Spec = NonNullable<Pod["spec"]>;

/** A Pod with defaults; containers may be given by name, and have the image busybox. */
export function podOf(
  {
    containers = ["app"],
    initContainers = [],
    ephemeralContainers = [],
    ...spec
  }: Partial<Omit<Spec, "containers" | "initContainers" | "ephemeralContainers">> & {
    readonly containers?: readonly (string | Container)[];
    readonly initContainers?: readonly (string | Container)[];
    readonly ephemeralContainers?: readonly (string | Container)[];
  } = {},
  metadata: NonNullable<Pod["metadata"]> = {},
): DefaultedPod {
  const withImage = (given: string | Container): Container =>
    typeof given === "string" ? { name: given, image: "busybox" } : { image: "busybox", ...given };
  return defaultPod({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web-0", namespace: "prod", uid: "11111111-2222-3333-4444-555555555555", ...metadata },
    spec: {
      ...spec,
      containers: containers.map(withImage),
      initContainers: initContainers.map(withImage),
      ephemeralContainers: ephemeralContainers.map(withImage),
    },
  });
}

/** A sidecar. */
export function sidecar(name: string, fields: Partial<Container> = {}): Container {
  return { name, restartPolicy: "Always", ...fields };
}

/** A ready sandbox with an address. */
export function sandboxOf(fields: Partial<ObservedSandbox> = {}): ObservedSandbox {
  return {
    id: "sandbox-0",
    attempt: 0,
    isReady: true,
    createdAtNanos: at(0),
    hostNetwork: false,
    ips: ["10.88.0.7"],
    runtimeHandler: "",
    ...fields,
  };
}

/** A running container `app`. */
export function instanceOf(fields: Partial<ObservedContainer> = {}): ObservedContainer {
  const { name = "app", restartCount = 0, state = "running" } = fields;
  const hasStarted = state !== "created";
  return {
    id: `${name}-${restartCount}`,
    name,
    sandboxId: "sandbox-0",
    state,
    createdAtNanos: at(1 + restartCount * 10),
    startedAtNanos: hasStarted ? at(2 + restartCount * 10) : 0n,
    finishedAtNanos: state === "exited" ? at(5 + restartCount * 10) : 0n,
    exitCode: 0,
    reason: state === "exited" ? (fields.exitCode ? "Error" : "Completed") : "",
    message: "",
    image: "docker.io/library/busybox:latest",
    imageRef: "docker.io/library/busybox@sha256:1111",
    restartCount,
    hash: containerHash(name, "busybox"),
    annotations: {},
    logPath: `/var/log/pods/prod_web-0_1/${name}/${restartCount}.log`,
    terminationMessageHostPath: undefined,
    user: undefined,
    ...fields,
  };
}

/** Sorts instances as the observation does. */
export function observedOf(
  containers: readonly Partial<ObservedContainer>[] = [],
  sandboxes: readonly Partial<ObservedSandbox>[] = [{}],
): ObservedPod {
  return {
    sandboxes: sandboxes.map(sandboxOf),
    containers: containers
      .map(instanceOf)
      .sort((one, other) => Number(other.createdAtNanos - one.createdAtNanos)),
  };
}
