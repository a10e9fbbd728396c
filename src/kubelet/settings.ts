import { hostname } from "node:os";
import { join } from "node:path";
import { type Clock, isRoot, systemClock, userStateFolder } from "../kubernetes/index.js";
import type { KubeletOptions } from "./options.js";

/** The options of a kubelet with the defaults that depend on this machine. */
export interface KubeletSettings {
  readonly nodeName: string;
  readonly rootDir: string;
  readonly podLogsDir: string;
  readonly containerLogsDir: string | undefined;
  readonly withoutMounts: "refuse" | "allow";
  readonly clock: Clock;
}

/** Returns the settings of a kubelet. */
export function settingsOf(options: KubeletOptions): KubeletSettings {
  const isPrivileged = isRoot();
  const rootDir =
    options.rootDir ?? (isPrivileged ? "/var/lib/kubelet" : join(userStateFolder(), "cri-sdk", "kubelet"));
  const { containerLogsDir = isPrivileged && options.rootDir === undefined ? "/var/log/containers" : "" } =
    options;
  return {
    nodeName: options.nodeName ?? hostname().toLowerCase(),
    rootDir,
    podLogsDir:
      options.podLogsDir ??
      (isPrivileged && options.rootDir === undefined ? "/var/log/pods" : join(rootDir, "logs")),
    containerLogsDir: containerLogsDir || undefined,
    withoutMounts: options.withoutMounts ?? (isPrivileged ? "refuse" : "allow"),
    clock: options.clock ?? systemClock,
  };
}
