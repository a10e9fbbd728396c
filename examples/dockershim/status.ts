// The engine's containers as CRI's statuses and list entries.
import { readFileSync } from "node:fs";
import { ContainerState, MountPropagation, NamespaceMode, PodSandboxState } from "cri-sdk/v1";
import { criResources } from "./config/resources.js";
import { signalOf } from "./config/signals.js";
import { type ContainerDetails, phaseOf } from "./engine/api.js";
import type { ContainerRecord, SandboxRecord } from "./labels.js";
import { type Container, engineTime, type Listed, type Sandbox } from "./objects.js";

const { CONTAINER_CREATED, CONTAINER_RUNNING, CONTAINER_EXITED } = ContainerState;
const states = { created: CONTAINER_CREATED, running: CONTAINER_RUNNING, exited: CONTAINER_EXITED } as const;
const { SANDBOX_READY, SANDBOX_NOTREADY } = PodSandboxState;

/** The exit code of a container whose start has failed, as on containerd. The engine has 126 or 127. */
const startFailure = 128;

/** Returns the fields of a sandbox in lists. `ready`: whether it is complete, see `Sandboxes`. */
export function sandboxEntry(
  { id, config, createdAt, handler }: SandboxRecord & { id: string },
  ready: boolean,
) {
  const { metadata, labels, annotations } = config;
  const state = ready ? SANDBOX_READY : SANDBOX_NOTREADY;
  return { id, metadata, labels, annotations, createdAt, state, runtimeHandler: handler };
}

export function sandboxStatus(sandbox: Sandbox, ready: boolean, ips: readonly string[]) {
  const options = sandbox.config.linux?.securityContext?.namespaceOptions ?? {};
  const [ip = "", ...others] = ips;
  return {
    ...sandboxEntry(sandbox, ready),
    network: { ip, additionalIps: others.map((other) => ({ ip: other })) },
    linux: { namespaces: { options } },
  };
}

/** Returns the fields of a container in lists. */
export function containerEntry(
  { id, config, createdAt, sandboxId, summary }: Listed<ContainerRecord>,
  failed: boolean,
) {
  const { metadata, labels, annotations, image } = config;
  return {
    ...{ id, podSandboxId: sandboxId, metadata, labels, annotations, createdAt, image },
    imageRef: summary.ImageID,
    imageId: summary.ImageID,
    state: failed ? CONTAINER_EXITED : states[phaseOf(summary.State)],
  };
}

export function containerStatus(container: Container) {
  const { id, config, createdAt, logPath, details } = container;
  const { metadata, labels, annotations, image } = config;
  const { State, Image } = details;
  const failed = startHasFailed(details);
  const state = failed ? CONTAINER_EXITED : states[phaseOf(State.Status)];
  const startedAt = engineTime(State.StartedAt);
  // The engine has no time for a start that failed.
  const finishedAt = failed ? createdAt : state === CONTAINER_EXITED ? engineTime(State.FinishedAt) : 0n;
  const exitCode = failed ? startFailure : state === CONTAINER_EXITED ? State.ExitCode : 0;
  return {
    ...{
      id,
      metadata,
      labels,
      annotations,
      createdAt,
      startedAt,
      finishedAt,
      state,
      exitCode,
      logPath,
      image,
    },
    imageRef: Image,
    imageId: Image,
    reason: failed ? "StartError" : state === CONTAINER_EXITED ? exitReason(details) : "",
    message: State.Error,
    mounts: config.mounts.map((mount) => ({
      ...mount,
      propagation: propagationOf(details, mount.containerPath),
    })),
    resources: criResources(details.HostConfig),
    stopSignal: signalOf(details.Config.StopSignal),
    ...(State.Pid > 0 && userOf(State.Pid)),
  };
}

/** Whether the start of a container has failed: the engine leaves it in the state "created", with the error. */
export function startHasFailed({ State }: ContainerDetails): boolean {
  return State.Status === "created" && State.Error !== "";
}

/** The engine reports an OOM kill of any process in the container; only the main process's makes it the reason. */
function exitReason({ State }: ContainerDetails): string {
  if (State.ExitCode === 0) return "Completed";
  return State.OOMKilled && State.ExitCode === 137 ? "OOMKilled" : "Error";
}

function propagationOf({ Mounts }: ContainerDetails, destination: string): MountPropagation {
  const propagation = Mounts.find((mount) => mount.Destination === destination)?.Propagation;
  if (propagation === "rshared" || propagation === "shared")
    return MountPropagation.PROPAGATION_BIDIRECTIONAL;
  return propagation === "rslave" || propagation === "slave"
    ? MountPropagation.PROPAGATION_HOST_TO_CONTAINER
    : MountPropagation.PROPAGATION_PRIVATE;
}

/** Returns the user of a running container's main process. */
function userOf(pid: number) {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const ids = (name: string) =>
      (new RegExp(`^${name}:\\s*(.*)$`, "m").exec(status)?.[1] ?? "").split(/\s+/).filter(Boolean);
    const [uid = "0"] = ids("Uid");
    const [gid = "0"] = ids("Gid");
    return {
      user: { linux: { uid: BigInt(uid), gid: BigInt(gid), supplementalGroups: ids("Groups").map(BigInt) } },
    };
  } catch {
    return {}; // The process has ended since.
  }
}

/** Whether a sandbox uses the host's network. */
export function usesHostNetwork({ config }: SandboxRecord): boolean {
  return config.linux?.securityContext?.namespaceOptions?.network === NamespaceMode.NODE;
}
