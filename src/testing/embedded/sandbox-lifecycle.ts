import {
  ContainerEventType,
  NamespaceMode,
  type PodSandboxConfig,
  PodSandboxState,
} from "../../../gen/runtime/v1/api_pb.js";
import { checkSandboxConfig } from "./config-checks.js";
import { endContainer, type RemovalCall, removeContainer } from "./container-lifecycle.js";
import { Sandbox } from "./objects.js";
import type { RuntimeState } from "./runtime-state.js";

/** How long CRI-O holds a RunPodSandbox for a pod that another call is creating, if it has no deadline, in milliseconds. */
const heldMs = 240_000;

/** CRI RunPodSandbox: creates a sandbox, which is READY when the call returns, and whose host ports are open then. */
export async function runSandbox(
  state: RuntimeState,
  config: PodSandboxConfig,
  runtimeHandler: string,
  signal: AbortSignal,
): Promise<Sandbox> {
  const { errors, clock, ids, addresses, sandboxes, events, profile, handlers, podStartMs } = state;
  const { hostPorts, driver } = state;
  checkConfig(state, config);
  if (!handlers.includes(runtimeHandler)) throw errors.unknownHandler(runtimeHandler);
  const id = ids.next();
  checkSandboxConfig(state, config, id);
  const ports = hostPorts.check(config, id);
  const onHostNetwork = config.linux?.securityContext?.namespaceOptions?.network === NamespaceMode.NODE;
  const sandbox = new Sandbox({
    ...{ id, config, runtimeHandler, moreLabels: profile.sandboxLabels },
    createdAt: clock.now(),
    ip: onHostNetwork ? undefined : addresses.take(),
    hostname: config.hostname || (config.metadata?.name ?? ""),
  });
  const name = Sandbox.nameOf(config);
  const holder = sandboxes.reserve(name, sandbox);
  if (holder) {
    if (sandbox.pod.ip) addresses.release(sandbox.pod.ip);
    if (holder.isStarting && profile.concurrentRun === "held") await clock.sleep(heldMs, signal);
    if (profile.repeatedCreate === "the same id") return holder;
    throw errors.nameReserved("sandbox", name, holder.id);
  }
  try {
    // On the host's network, a process of the host has the ports itself.
    if (ports.length > 0 && !(onHostNetwork && driver.sharesHostPorts))
      sandbox.hostPorts = await hostPorts.open(ports, sandbox.pod, sandbox.traffic);
    if (podStartMs > 0) await clock.sleep(podStartMs, signal);
  } catch (error) {
    sandboxes.release(name, sandbox);
    await release(state, sandbox);
    throw error;
  }
  sandbox.isStarting = false;
  if (profile.podCreatedEvent)
    events.publish(ContainerEventType.CONTAINER_CREATED_EVENT, sandbox.id, sandbox);
  events.publish(ContainerEventType.CONTAINER_STARTED_EVENT, sandbox.id, sandbox);
  return sandbox;
}

/** Releases the address and the host ports of a sandbox. */
async function release({ addresses }: RuntimeState, { pod, hostPorts }: Sandbox): Promise<void> {
  if (pod.ip) addresses.release(pod.ip);
  await hostPorts?.close();
}

/** CRI StopPodSandbox: stops its containers and releases its address. Idempotent. */
export async function stopSandbox(state: RuntimeState, sandbox: Sandbox, call: RemovalCall): Promise<void> {
  const { containers } = sandbox;
  await Promise.all([...containers].map((container) => endContainer(state, container, call)));
  if (!sandbox.isReady) return;
  sandbox.state = PodSandboxState.SANDBOX_NOTREADY;
  await release(state, sandbox);
  state.events.publish(ContainerEventType.CONTAINER_STOPPED_EVENT, sandbox.id, sandbox);
}

/** CRI RemovePodSandbox: stops the sandbox, and removes it with all its containers. Idempotent. */
export function removeSandbox(state: RuntimeState, sandbox: Sandbox, call: RemovalCall): Promise<void> {
  sandbox.removing ??= remove(state, sandbox, call).finally(() => {
    sandbox.removing = undefined;
  });
  return sandbox.removing;
}

async function remove(state: RuntimeState, sandbox: Sandbox, call: RemovalCall): Promise<void> {
  const { events, profile, sandboxes } = state;
  await stopSandbox(state, sandbox, call);
  await Promise.all([...sandbox.containers].map((container) => removeContainer(state, container, call)));
  sandboxes.release(Sandbox.nameOf(sandbox.config), sandbox);
  if (profile.podDeletedEvents)
    events.publish(ContainerEventType.CONTAINER_DELETED_EVENT, sandbox.id, sandbox);
}

function checkConfig(
  { errors, profile }: RuntimeState,
  { metadata, logDirectory, hostname }: PodSandboxConfig,
): void {
  if (!metadata) throw errors.invalidRequest("config.metadata", "is missing");
  for (const field of profile.requiredMetadata)
    if (!metadata[field])
      throw errors.invalidRequest(`config.metadata.${field}`, "must not be empty", metadata[field]);
  if (logDirectory !== "" && !logDirectory.startsWith("/"))
    throw errors.invalidRequest("config.log_directory", "must be an absolute path", logDirectory);
  if (hostname.length > 64)
    throw errors.invalidRequest("config.hostname", "must be at most 64 characters long", hostname);
}
