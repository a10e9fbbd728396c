import type { DriverContainer } from "../driver.js";

/**
 * Creates a function that replaces the paths of a container's mounts and devices in a text by their paths in the container's folder. The
 * processes see the host's root, where these paths have other files or none: a kubelet's `/dev/termination-log` would become a file of
 * the host.
 *
 * A path is recognized where it begins an argument, a word of a shell script, an item of a list (`PATH`), a value after `=`, or the path of
 * a `file://` or `unix://` URL. Paths that a process reads from files, or joins from parts, remain those of the host.
 */
export function mountedPaths(
  rootfs: string,
  { mounts, devices }: Pick<DriverContainer, "mounts" | "devices">,
): (text: string) => string {
  const targets = [
    ...mounts.map(({ containerPath, hostPath }) => ({ path: stepsOf(containerPath), hostPath })),
    ...devices.map(({ containerPath, hostPath }) => ({ path: stepsOf(containerPath || hostPath), hostPath })),
  ]
    // The host has the same files there.
    .filter(({ path, hostPath }) => path.join("/") !== stepsOf(hostPath).join("/"))
    .map(({ path }) => path);
  if (targets.length === 0) return (text) => text;
  const paths = targets.map((steps) => steps.map((step) => `/+${escapeRegExp(step)}`).join(""));
  const pattern = new RegExp(`${before}(?:${paths.join("|")})${after}`, "gu");
  return (text) => {
    if (!text.includes("/")) return text;
    // In a script, such a folder would need quotes, and whether the path stands within quotes is unknown.
    if (!needsNoQuotes.test(rootfs) && /\s/.test(text)) return text;
    return text.replace(pattern, (path) => `${rootfs}${path.replace(/\/+/g, "/")}`);
  };
}

const needsNoQuotes = /^[\w./@%+=:,-]*$/;

/** What may stand before a path. A quote that follows a letter or a variable ends a word, and the path continues it. */
const before = "(?<=(?:^|:(?!//)|[\\s=,;|&<>(\\[{`!]|\\b(?:file|unix)://)[\"'\\\\]*)";

/** What may not follow a path, because it continues the name: `/data` is not in `/data2`, `/data.old`, `/data$i`. */
const after = "(?![\\p{L}\\p{N}_.@%+~$*?-])";

function stepsOf(path: string): string[] {
  return path.split("/").filter((step) => step !== "" && step !== ".");
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
