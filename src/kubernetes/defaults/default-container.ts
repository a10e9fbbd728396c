import { tryParseReference } from "../../core/index.js";
import type {
  Container,
  ContainerPort,
  EnvVar,
  EphemeralContainer,
  HTTPGetAction,
  Lifecycle,
  LifecycleHandler,
  Probe,
  ResourceRequirements,
} from "../api/index.js";
import type {
  DefaultedContainer,
  DefaultedContainerPort,
  DefaultedEphemeralContainer,
  DefaultedHTTPGetAction,
  DefaultedLifecycle,
  DefaultedLifecycleHandler,
  DefaultedProbe,
} from "./defaulted-pod.js";

/** Sets the defaults of a regular or an init container. On the host's network, a port is the same on the host. */
export function defaultContainer(container: Container, hostNetwork: boolean): DefaultedContainer {
  const defaulted = withDefaults(container);
  return {
    ...defaulted,
    ports: hostNetwork
      ? defaulted.ports.map((port) => ({ ...port, hostPort: port.hostPort || port.containerPort }))
      : defaulted.ports,
    resources: requestsFromLimits(defaulted.resources),
  };
}

/** Sets the defaults of an ephemeral container: without requests, since it has no resources of its own. */
export function defaultEphemeralContainer(container: EphemeralContainer): DefaultedEphemeralContainer {
  const { targetContainerName } = container;
  return { ...withDefaults(container), ...(targetContainerName && { targetContainerName }) };
}

/** Returns the default pull policy of an image, as API servers set it: "Always" for the tag `latest`, otherwise "IfNotPresent". */
export function pullPolicyOf(image: string): "Always" | "IfNotPresent" {
  return tryParseReference(image)?.tag === "latest" ? "Always" : "IfNotPresent";
}

function withDefaults({
  livenessProbe,
  readinessProbe,
  startupProbe,
  lifecycle,
  ...container
}: Container): DefaultedContainer {
  const image = container.image ?? "";
  return {
    ...container,
    image,
    imagePullPolicy: container.imagePullPolicy || pullPolicyOf(image),
    terminationMessagePath: container.terminationMessagePath || "/dev/termination-log",
    terminationMessagePolicy: container.terminationMessagePolicy || "File",
    resources: container.resources ?? {},
    env: (container.env ?? []).map(defaultVariable),
    envFrom: container.envFrom ?? [],
    ports: (container.ports ?? []).map(defaultPort),
    volumeMounts: container.volumeMounts ?? [],
    ...(livenessProbe && { livenessProbe: defaultProbe(livenessProbe) }),
    ...(readinessProbe && { readinessProbe: defaultProbe(readinessProbe) }),
    ...(startupProbe && { startupProbe: defaultProbe(startupProbe) }),
    ...(lifecycle && { lifecycle: defaultLifecycle(lifecycle) }),
  };
}

function defaultVariable(variable: EnvVar): EnvVar {
  const fieldRef = variable.valueFrom?.fieldRef;
  if (!fieldRef) return variable;
  const valueFrom = {
    ...variable.valueFrom,
    fieldRef: { ...fieldRef, apiVersion: fieldRef.apiVersion || "v1" },
  };
  return { ...variable, valueFrom };
}

function defaultPort(port: ContainerPort): DefaultedContainerPort {
  return { ...port, protocol: port.protocol || "TCP" };
}

/** Numbers have no "absent" in the API: 0 means the default. */
function defaultProbe({ httpGet, ...probe }: Probe): DefaultedProbe {
  return {
    ...probe,
    ...(httpGet && { httpGet: defaultHttpGet(httpGet) }),
    failureThreshold: probe.failureThreshold || 3,
    initialDelaySeconds: probe.initialDelaySeconds ?? 0,
    periodSeconds: probe.periodSeconds || 10,
    successThreshold: probe.successThreshold || 1,
    timeoutSeconds: probe.timeoutSeconds || 1,
  };
}

function defaultLifecycle({ postStart, preStop, ...lifecycle }: Lifecycle): DefaultedLifecycle {
  return {
    ...lifecycle,
    ...(postStart && { postStart: defaultHandler(postStart) }),
    ...(preStop && { preStop: defaultHandler(preStop) }),
  };
}

function defaultHandler({ httpGet, ...handler }: LifecycleHandler): DefaultedLifecycleHandler {
  return { ...handler, ...(httpGet && { httpGet: defaultHttpGet(httpGet) }) };
}

function defaultHttpGet(action: HTTPGetAction): DefaultedHTTPGetAction {
  return { ...action, path: action.path || "/", scheme: action.scheme || "HTTP" };
}

function requestsFromLimits(resources: ResourceRequirements): ResourceRequirements {
  if (!resources.limits) return resources;
  return { ...resources, requests: { ...resources.limits, ...resources.requests } };
}
