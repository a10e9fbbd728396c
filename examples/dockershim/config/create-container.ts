import { isUtf8 } from "node:buffer";
import { criError } from "cri-sdk/server";
import {
  type ContainerConfig,
  type LinuxContainerSecurityContext,
  NamespaceMode,
  Signal,
  SupplementalGroupsPolicy,
} from "cri-sdk/v1";
import type { CreateRequest } from "../engine/api.js";
import { unsupported } from "../errors.js";
import { containerLabels } from "../labels.js";
import { engineLogConfig } from "../logs/log-copies.js";
import type { HostFacts } from "./create-sandbox.js";
import { engineDevices, engineMounts, type MountFeatures } from "./mounts.js";
import { engineResources, oomScore } from "./resources.js";
import { refuseUserNamespace, securityOptions, userOf } from "./security.js";
import { signalName } from "./signals.js";

/** What a container takes from its sandbox. */
export interface Placement {
  readonly sandboxId: string;
  readonly cgroupParent: string;
  readonly runtimeHandler: string;
  readonly logPath: string;
}

/** Returns a container that joins the namespaces of its sandbox. `imageId` is the id of its image. */
export async function containerRequest(
  config: ContainerConfig,
  imageId: string,
  placement: Placement,
  features: MountFeatures,
  host: HostFacts,
): Promise<CreateRequest> {
  const context = config.linux?.securityContext;
  const resources = config.linux?.resources;
  refuseWhatTheEngineLacks(config, context);
  const sandbox = `container:${placement.sandboxId}`;
  const namespaces = context?.namespaceOptions;
  return {
    Image: imageId,
    User: userOf(context?.runAsUser, context?.runAsGroup, context?.runAsUsername),
    Env: config.envs.map(({ key, value }) => `${key}=${utf8(key, value)}`),
    // An entrypoint replaces the image's arguments, too; arguments alone keep the image's entrypoint. As in CRI.
    ...(config.command.length > 0 && { Entrypoint: config.command }),
    ...(config.args.length > 0 && { Cmd: config.args }),
    WorkingDir: config.workingDir,
    Labels: containerLabels(config, placement.sandboxId, placement.logPath),
    Tty: config.tty,
    OpenStdin: config.stdin,
    StdinOnce: config.stdinOnce,
    ...(config.stopSignal !== Signal.RUNTIME_DEFAULT && { StopSignal: signalName(config.stopSignal) }),
    // Probes are the kubelet's.
    Healthcheck: { Test: ["NONE"] },
    HostConfig: {
      ...engineResources(resources),
      NetworkMode: sandbox,
      IpcMode: namespaces?.ipc === NamespaceMode.NODE ? "host" : sandbox,
      PidMode: pidMode(namespaces?.pid, sandbox, namespaces?.targetId ?? ""),
      CgroupParent: placement.cgroupParent,
      ...(placement.runtimeHandler && { Runtime: placement.runtimeHandler }),
      Privileged: context?.privileged ?? false,
      ReadonlyRootfs: context?.readonlyRootfs ?? false,
      CapAdd: context?.capabilities?.addCapabilities ?? [],
      CapDrop: context?.capabilities?.dropCapabilities ?? [],
      GroupAdd: (context?.supplementalGroups ?? []).map(String),
      SecurityOpt: [
        ...(await securityOptions(context, context?.apparmorProfile ?? "", host.hasAppArmor)),
        ...(context?.noNewPrivs ? ["no-new-privileges"] : []),
      ],
      // The engine takes null for its own defaults; in CRI, an empty list hides nothing.
      MaskedPaths: context?.maskedPaths ?? [],
      ReadonlyPaths: context?.readonlyPaths ?? [],
      OomScoreAdj: oomScore(resources?.oomScoreAdj ?? 0n, host.restrictOomScore),
      Devices: engineDevices(config.devices),
      Mounts: await engineMounts(config.mounts, features),
      LogConfig: engineLogConfig,
    },
  };
}

/** The engine's API is JSON, which has no other bytes. */
function utf8(key: string, value: Uint8Array): string {
  if (isUtf8(value)) return Buffer.from(value).toString();
  throw criError("invalid_request", `envs: the value of ${key} is not UTF-8`);
}

function pidMode(mode: NamespaceMode | undefined, sandbox: string, targetId: string): string {
  if (mode === NamespaceMode.NODE) return "host";
  if (mode === NamespaceMode.TARGET) return `container:${targetId}`;
  return mode === NamespaceMode.CONTAINER ? "" : sandbox;
}

function refuseWhatTheEngineLacks(
  config: ContainerConfig,
  context: LinuxContainerSecurityContext | undefined,
): void {
  refuseUserNamespace(context?.namespaceOptions);
  const lacking = [
    [config.CDIDevices.length > 0, "CDI_devices"],
    [(context?.capabilities?.addAmbientCapabilities.length ?? 0) > 0, "add_ambient_capabilities"],
    [
      context?.supplementalGroupsPolicy === SupplementalGroupsPolicy.Strict,
      "supplemental_groups_policy Strict",
    ],
  ] as const;
  for (const [wanted, field] of lacking)
    if (wanted) throw unsupported(`${field}: cannot be set through the Docker Engine`);
}
