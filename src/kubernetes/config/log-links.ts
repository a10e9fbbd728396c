import { checkArgument, isRecord, type OptionCheck } from "../../core/index.js";
import { checkStringArgument } from "../argument-checks.js";

/** The limit of names of files on Linux. */
const maxFileName = 255;
const suffix = ".log";

const identityCheck: OptionCheck<object> = (value: unknown) =>
  isRecord(value) && typeof value.name === "string" && typeof value.namespace === "string"
    ? undefined
    : "must have the name and the namespace of the pod, as strings";

/**
 * Returns the name of the link in /var/log/containers that log collectors read: `<pod>_<namespace>_<container>-<container id>.log`, cut to
 * 255 characters. It points to the log file of the container.
 */
export function containerLogLinkName(
  pod: { readonly name: string; readonly namespace: string },
  containerName: string,
  containerId: string,
): string {
  checkArgument("containerLogLinkName", "pod", pod, identityCheck);
  checkStringArgument("containerLogLinkName", "containerName", containerName);
  checkStringArgument("containerLogLinkName", "containerId", containerId);
  const full = `${pod.name}_${pod.namespace}_${containerName}-${containerId}`;
  return full.slice(0, maxFileName - suffix.length) + suffix;
}
