import { homedir, hostname } from "node:os";
import { join } from "node:path";
import { type Clock, systemClock } from "../kubernetes/index.js";
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
  // Only root is asked for mounts, and only root owns the folders of the system.
  const isRoot = process.getuid?.() === 0;
  const rootDir =
    options.rootDir ?? (isRoot ? "/var/lib/kubelet" : join(stateFolder(), "cri-sdk", "kubelet"));
  const { containerLogsDir = isRoot && options.rootDir === undefined ? "/var/log/containers" : "" } = options;
  return {
    nodeName: options.nodeName ?? hostname().toLowerCase(),
    rootDir,
    podLogsDir:
      options.podLogsDir ??
      (isRoot && options.rootDir === undefined ? "/var/log/pods" : join(rootDir, "logs")),
    containerLogsDir: containerLogsDir || undefined,
    withoutMounts: options.withoutMounts ?? (isRoot ? "refuse" : "allow"),
    clock: options.clock ?? systemClock,
  };
}

function stateFolder(): string {
  const { XDG_STATE_HOME: stateHome = "" } = process.env;
  return stateHome.startsWith("/") ? stateHome : join(homedir(), ".local", "state");
}
