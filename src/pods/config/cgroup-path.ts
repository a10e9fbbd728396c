/** A rule for a cgroup, in the form of either driver: `/pods/web`, or `pods-web.slice` with slices before it or without. */
export function cgroupPath(text: string): string | undefined {
  if (text === "") return undefined;
  if (text.split("/").includes("..")) return 'must not have a ".." step';
  if (text.startsWith("/") || text.endsWith(".slice")) return undefined;
  return 'must be an absolute path, or a slice with ".slice" at its end';
}
