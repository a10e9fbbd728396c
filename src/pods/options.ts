import { tmpdir } from "node:os";
import { join } from "node:path";
import { invalidOption } from "../core/index.js";
import { checkOwner, defaultOwner } from "./owner.js";

/** How a connection makes pods. */
export interface PodsOptions {
  /**
   * Whose the pods and containers are that are made: the value of the label `cri-sdk/owner`, 1 to 63 letters, digits, `-`, `_`
   * and `.`. `cri.sweep()` goes by it. Give each program its own.
   * @default "cri-sdk"
   */
  readonly owner?: string | undefined;
  /**
   * The folder on the runtime's host in which each pod gets a log directory, absolute.
   * @default /var/log/pods for root, as the kubelet's; `cri-sdk-<uid>/pods` in the folder for temporary files for others
   */
  readonly logRoot?: string | undefined;
}

/** The options, complete. */
export function resolvePodsOptions({ owner = defaultOwner, logRoot = defaultLogRoot() }: PodsOptions = {}) {
  checkOwner(owner, "pods.owner");
  if (!/^(?:\/|[a-z]:[\\/])/i.test(logRoot))
    throw invalidOption("pods.logRoot", logRoot, "must be an absolute path");
  return Object.freeze({ owner, logRoot });
}

/** The runtime may well be this user's own, and then it cannot write where only root may. */
function defaultLogRoot(): string {
  if (process.getuid === undefined || process.getuid() === 0) return "/var/log/pods";
  return join(tmpdir(), `cri-sdk-${process.getuid()}`, "pods");
}
