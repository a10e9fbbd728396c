/** The limit of names of files on Linux. */
const maxFileName = 255;
const suffix = ".log";

/**
 * Returns the name of the link in /var/log/containers that log collectors read: `<pod>_<namespace>_<container>-<container id>.log`, cut to
 * 255 characters. It points to the log file of the container.
 */
export function containerLogLinkName(
  pod: { readonly name: string; readonly namespace: string },
  containerName: string,
  containerId: string,
): string {
  const full = `${pod.name}_${pod.namespace}_${containerName}-${containerId}`;
  return full.slice(0, maxFileName - suffix.length) + suffix;
}
