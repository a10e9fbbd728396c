import { existsSync } from "node:fs";
import { isAbsolute } from "node:path";
import { criError } from "cri-sdk/server";
import { NamespaceMode, type PodSandboxConfig } from "cri-sdk/v1";
import type { CreateRequest, HostConfig } from "../engine/api.js";
import { sandboxLabels } from "../labels.js";
import { hostPorts } from "../network/ports.js";
import { cgroupParent, oomScore } from "./resources.js";
import { refuseUserNamespace, securityOptions, userOf } from "./security.js";

/** What the configs depend on besides CRI's messages. */
export interface HostFacts {
  readonly cgroupDriver: string;
  readonly hasAppArmor: boolean;
  /** Whether to raise OOM scores that this machine may not set. */
  readonly restrictOomScore: boolean;
}

/** The OOM score of the kubelet's sandboxes: nearly never killed. */
const sandboxOomScore = -998n;

/** Returns the container that holds a sandbox's namespaces: it runs the pause image, and members join it. */
export async function sandboxRequest(
  config: PodSandboxConfig,
  runtimeHandler: string,
  pauseImage: string,
  host: HostFacts,
): Promise<CreateRequest> {
  const linux = config.linux;
  const context = linux?.securityContext;
  const namespaces = context?.namespaceOptions;
  refuseUserNamespace(namespaces);
  if (config.logDirectory !== "" && !isAbsolute(config.logDirectory))
    throw criError("invalid_request", `config.log_directory: must be absolute, got ${config.logDirectory}`);
  const hostNetwork = namespaces?.network === NamespaceMode.NODE;
  const hostSysctl = Object.keys(linux?.sysctls ?? {}).find((name) => hostNetwork && name.startsWith("net."));
  if (hostSysctl !== undefined)
    throw criError("invalid_request", `sysctls.${hostSysctl}: cannot be set in the host's network namespace`);
  hostPorts(config.portMappings);
  const parent = linux?.cgroupParent ? cgroupParent(linux.cgroupParent, host.cgroupDriver) : "";
  return {
    Image: pauseImage,
    // The engine takes the host's name for the host's network.
    ...(config.hostname && !hostNetwork && { Hostname: config.hostname }),
    User: userOf(context?.runAsUser, context?.runAsGroup),
    Labels: sandboxLabels(config, runtimeHandler),
    Healthcheck: { Test: ["NONE"] },
    HostConfig: {
      NetworkMode: hostNetwork ? "host" : "none",
      // Others can join the namespace only if it is shareable.
      IpcMode: namespaces?.ipc === NamespaceMode.NODE ? "host" : "shareable",
      PidMode: namespaces?.pid === NamespaceMode.NODE ? "host" : "",
      CgroupParent: parent,
      Privileged: context?.privileged ?? false,
      ReadonlyRootfs: context?.readonlyRootfs ?? false,
      GroupAdd: (context?.supplementalGroups ?? []).map(String),
      SecurityOpt: await securityOptions(context, "", host.hasAppArmor),
      Sysctls: { ...(hostNetwork ? {} : ipv6Sysctls()), ...linux?.sysctls },
      OomScoreAdj: oomScore(sandboxOomScore, host.restrictOomScore),
      LogConfig: { Type: "none", Config: {} },
      ...(runtimeHandler && { Runtime: runtimeHandler }),
    },
  };
}

/** Docker 20.10 switches IPv6 off, even on the loopback interface, where it does not set up the network itself. */
function ipv6Sysctls(): Readonly<Record<string, string>> {
  return existsSync("/proc/sys/net/ipv6") ? { "net.ipv6.conf.all.disable_ipv6": "0" } : {};
}

/**
 * The last step of RunPodSandbox: the pause container gets the CPU weight that the kubelet gives it, the least. It also marks the sandbox as
 * complete, for a shim that starts after this one was killed; labels cannot be changed.
 */
export const completed = { CpuShares: 2 } as const;

/** Returns whether RunPodSandbox has completed for a sandbox. */
export function isComplete(host: HostConfig): boolean {
  return host.CpuShares === completed.CpuShares;
}
