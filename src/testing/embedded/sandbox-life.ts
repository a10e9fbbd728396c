import {
  ContainerEventType,
  NamespaceMode,
  type PodSandboxConfig,
  PodSandboxState,
} from "../../../gen/runtime/v1/api_pb.js";
import { removeContainer, stopContainer } from "./container-life.js";
import type { Machine } from "./machine.js";
import { Sandbox } from "./objects/sandbox.js";

/** How long containers have to end when their sandbox is stopped: none, as in containerd. */
const graceOfStopMs = 0;

/** CRI RunPodSandbox: a sandbox that is READY when this returns. */
export function runSandbox(machine: Machine, config: PodSandboxConfig, runtimeHandler: string): Sandbox {
  const { refusals, clock, ids, addresses, sandboxes, events, profile, handlers } = machine;
  check(machine, config);
  if (!handlers.includes(runtimeHandler)) throw refusals.handler(runtimeHandler);
  const onHost = config.linux?.securityContext?.namespaceOptions?.network === NamespaceMode.NODE;
  const sandbox = new Sandbox({
    id: ids.next(),
    config,
    runtimeHandler,
    createdAt: clock.now(),
    ip: onHost ? undefined : addresses.take(),
    hostname: config.hostname || (config.metadata?.name ?? ""),
  });
  const name = Sandbox.nameOf(config);
  const holder = sandboxes.reserve(name, sandbox);
  if (holder) {
    if (sandbox.pod.ip) addresses.give(sandbox.pod.ip);
    if (profile.repeatedCreate === "the same id") return holder;
    throw refusals.reserved("sandbox", name, holder.id);
  }
  if (profile.podCreatedEvent)
    events.publish(ContainerEventType.CONTAINER_CREATED_EVENT, sandbox.id, sandbox);
  events.publish(ContainerEventType.CONTAINER_STARTED_EVENT, sandbox.id, sandbox);
  return sandbox;
}

/** CRI StopPodSandbox: its containers are ended, its address is given back. Idempotent. */
export async function stopSandbox(machine: Machine, sandbox: Sandbox): Promise<void> {
  const { containers } = sandbox;
  await Promise.all([...containers].map((container) => stopContainer(machine, container, graceOfStopMs)));
  if (!sandbox.ready) return;
  sandbox.state = PodSandboxState.SANDBOX_NOTREADY;
  if (sandbox.pod.ip) machine.addresses.give(sandbox.pod.ip);
  machine.events.publish(ContainerEventType.CONTAINER_STOPPED_EVENT, sandbox.id, sandbox);
}

/** CRI RemovePodSandbox: stops and removes it with all its containers. Idempotent. */
export function removeSandbox(machine: Machine, sandbox: Sandbox): Promise<void> {
  sandbox.removing ??= remove(machine, sandbox).finally(() => {
    sandbox.removing = undefined;
  });
  return sandbox.removing;
}

async function remove(machine: Machine, sandbox: Sandbox): Promise<void> {
  const { events, profile, sandboxes } = machine;
  await stopSandbox(machine, sandbox);
  await Promise.all([...sandbox.containers].map((container) => removeContainer(machine, container)));
  sandboxes.release(Sandbox.nameOf(sandbox.config), sandbox);
  if (profile.podDeletedEvents)
    events.publish(ContainerEventType.CONTAINER_DELETED_EVENT, sandbox.id, sandbox);
}

function check({ refusals, profile }: Machine, { metadata, logDirectory, hostname }: PodSandboxConfig): void {
  if (!metadata) throw refusals.invalid("config.metadata", "is missing");
  for (const field of profile.requiredMetadata)
    if (!metadata[field])
      throw refusals.invalid(`config.metadata.${field}`, "must not be empty", metadata[field]);
  if (logDirectory !== "" && !logDirectory.startsWith("/"))
    throw refusals.invalid("config.log_directory", "must be an absolute path", logDirectory);
  if (hostname.length > 64)
    throw refusals.invalid("config.hostname", "must be at most 64 characters long", hostname);
}
