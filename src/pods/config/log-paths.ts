import type { PodSandboxConfig } from "../../../gen/runtime/v1/api_pb.js";
import type { Fields } from "./fields.js";
import { hostPath, pathBelow } from "./paths.js";
import type { ContainerSpec } from "./spec-container.js";
import type { PodSpec } from "./spec-pod.js";

/** Where the kubelet has its logs, and where tools of the field look for them. */
export const defaultLogRoot = "/var/log/pods";
const maxFileName = 255;

/** Who a pod is, as its log directory is named after it. */
export interface PodIdentity {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** The folder of a pod's logs: `<logRoot>/<namespace>_<name>_<uid>`, as the kubelet names it. */
export function podLogDirectory(logRoot: string, { namespace, name, uid }: PodIdentity): string {
  return `${logRoot.replace(/[\\/]+$/, "")}/${namespace}_${name}_${uid}`;
}

/** PodSandboxConfig.log_directory; "" for none. */
export function readLogDirectory(fields: Fields<PodSpec>, pod: PodIdentity, logRoot: string): string {
  if (fields.raw("logDirectory") === false) return "";
  const given = fields.text("logDirectory", hostPath);
  if (fields.has("logDirectory")) return given ?? "";
  const length = [pod.namespace, pod.name, pod.uid].join("_").length;
  if (length > maxFileName)
    fields.report({
      path: "logDirectory",
      message: `must be given: the usual name would have ${length} characters, and a folder's has at most ${maxFileName}`,
    });
  return podLogDirectory(logRoot, pod);
}

/** ContainerConfig.log_path; "" for none. */
export function readLogPath(
  fields: Fields<ContainerSpec>,
  { logDirectory }: PodSandboxConfig,
  name: string,
  attempt: number,
): string {
  if (fields.raw("logPath") === false) return "";
  const given = fields.text("logPath", pathBelow);
  if (!fields.has("logPath")) return logDirectory === "" ? "" : `${name}/${attempt}.log`;
  if (logDirectory === "") fields.wrong("logPath", "must not be there: the pod has no log directory");
  return given ?? "";
}
